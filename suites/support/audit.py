"""`python -m suites.support.audit`: known vulnerabilities in what is pinned; needs the network.

What is known changes every day, so it is asked for (pip-audit for Python, Trivy for Go modules and
secrets). Without an answer pip-audit says that there are no known vulnerabilities: so each tool is
first shown a package that is known to be vulnerable, and where it finds nothing there, nothing is
audited, and that is said.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT, TOOLS
from groundwork.artifacts import Cache, GoBuild, Workshop
from groundwork.base import process
from groundwork.base.errors import UsageError
from groundwork.use.command import perform, say
from suites.support.ignores import IGNORES, Finding, left, load_ignores

__all__ = ["AUDITS", "KNOWN", "NotAuditedError", "audit", "from_pip_audit", "from_trivy"]

PIP_AUDIT = ROOT / ".venv" / "audit" / "bin" / "pip-audit"

TRIVY = GoBuild(
    "trivy",
    TOOLS / "trivy",
    source="github.com/aquasecurity/trivy",
    ldflags="-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver={version}",
)

# A service that is asked for each of a hundred packages, or a database of 100 MiB to fetch.
TIMEOUT_S = 900.0

# CVE-2020-14343: whoever can have a file read runs what they like. Both tools call it critical.
KNOWN = "PyYAML==5.3\n"

SEVERITIES = "CRITICAL,HIGH"


class NotAuditedError(UsageError):
    """Nothing is known of what is pinned, for nobody can be asked."""


def locks(root: Path) -> list[Path]:
    """The locks of Python packages."""
    return sorted([*root.glob("requirements*.lock"), *root.glob("tools/*/*.lock")])


def of_python(folder: Path) -> list[Path]:
    """Those of them that are pip's; Maven's hold coordinates, and no advisory is asked of those."""
    return [each for each in locks(folder) if "==" in each.read_text(encoding="utf-8")]


def pip_audit(folder: Path) -> list[Finding]:
    """Python packages with a known vulnerability, of every lock in a folder.

    Raises:
        NotAuditedError: Some couldn't be asked about.
    """
    found: list[Finding] = []
    words: list[str | Path] = [PIP_AUDIT, "--disable-pip", "--no-deps", "--format", "json"]
    words += ["--progress-spinner", "off", "--desc", "off"]
    for lock in [*of_python(folder), *folder.glob("requirements.txt")]:
        said = process.run([*words, "-r", lock], timeout_s=TIMEOUT_S, cwd=folder, check=False)
        found.extend(from_pip_audit(said.output, str(lock.relative_to(folder))))
    return found


def from_pip_audit(output: str, file: str) -> Iterator[Finding]:
    """What pip-audit has found in a file.

    Raises:
        NotAuditedError: It has left packages out, or tells nothing.
    """
    told = document(output, '{"dependencies"', "pip-audit")
    for each in told["dependencies"]:
        if "skip_reason" in each:
            raise NotAuditedError(f"pip-audit: {file}: {each['skip_reason']}")
        for flaw in each["vulns"]:
            mended = ", ".join(flaw["fix_versions"]) or "no release"
            text = f"{each['name']} {each['version']}; mended by {mended}"
            yield Finding("pip-audit", flaw["id"], file, 1, text)


def trivy(folder: Path) -> list[Finding]:
    """What Trivy finds that is critical or high: Go modules, requirements, secrets.

    Raises:
        NotAuditedError: Its database can't be had.
    """
    cache_dir = ENVIRONMENT.settings.load({}, ROOT).cache_dir
    program = TRIVY.resolve(Workshop(Cache.open(cache_dir))).program("trivy")
    words: list[str | Path] = [program, "filesystem", "--quiet", "--format", "json"]
    words += ["--scanners", "vuln,secret", "--severity", SEVERITIES, "--ignorefile", "/dev/null"]
    words += ["--skip-dirs", ".venv", "--skip-dirs", "reports/out", "."]
    said = process.run(words, timeout_s=TIMEOUT_S, cwd=folder, check=False)
    return list(from_trivy(said.output))


def from_trivy(output: str) -> Iterator[Finding]:
    """What Trivy has found.

    Raises:
        NotAuditedError: It tells nothing.
    """
    for each in document(output, "{", "trivy").get("Results", []):
        file = each["Target"]
        for flaw in each.get("Vulnerabilities", []):
            text = f"{flaw['Severity']}: {flaw['PkgName']} {flaw['InstalledVersion']}"
            yield Finding("trivy", flaw["VulnerabilityID"], file, 1, text)
        for secret in each.get("Secrets", []):
            yield Finding("trivy", secret["RuleID"], file, secret["StartLine"], secret["Title"])


def document(output: str, begins: str, tool: str) -> Any:
    """The JSON document in what a tool has said, among its remarks.

    Raises:
        NotAuditedError: There is none.
    """
    start = output.find(begins)
    try:
        return json.JSONDecoder().raw_decode(output, start)[0] if start >= 0 else _none(output)
    except ValueError as error:
        last = " ".join(output.split())[-300:]
        raise NotAuditedError(f"{tool} tells nothing: {last}") from error


def _none(output: str) -> Any:
    raise ValueError(output)


AUDITS: Mapping[str, Callable[[Path], list[Finding]]] = {"pip-audit": pip_audit, "trivy": trivy}


def audit(root: Path) -> list[Finding]:
    """What they find in a repository and no ignore covers.

    Raises:
        NotAuditedError: One of them doesn't even find what is known.
        UsageError: An ignore isn't one.
    """
    ignores = load_ignores(IGNORES, datetime.now(UTC).date())
    found = []
    for tool, look in AUDITS.items():
        with tempfile.TemporaryDirectory(prefix="gw-audit-") as work:
            (Path(work) / "requirements.txt").write_text(KNOWN)
            if not look(Path(work)):
                raise NotAuditedError(f"{tool} finds nothing wrong with {KNOWN.strip()}")
        found.extend(look(root))
    return left(found, ignores, AUDITS)


def main() -> int:
    """Look at this repository; 1 where something is found, 4 where nobody can be asked."""
    try:
        found = audit(ROOT)
    except NotAuditedError as error:
        raise NotAuditedError(
            f"nothing is audited: {error}; this needs the network beyond package registries, which "
            "hosted runners have (.github/workflows/security.yml)"
        ) from error
    for each in found:
        say(str(each))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(perform(main))
