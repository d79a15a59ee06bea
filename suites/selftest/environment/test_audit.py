"""The audit: what its tools say is read, and a silence isn't taken for all being well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from suites.support.audit import NotAuditedError, from_pip_audit, from_trivy, of_python

# As pip-audit 2.10 says it, with remarks around it.
VULNERABLE = """WARNING:pip_audit._cli:--no-deps is supported
Found 1 known vulnerability in 1 package
{"dependencies": [{"name": "pyyaml", "version": "5.3", "vulns":
[{"id": "PYSEC-2021-142", "fix_versions": ["5.4"], "aliases": ["CVE-2020-14343"]}]},
{"name": "idna", "version": "3.11", "vulns": []}], "fixes": []}
"""

# What it says where nobody answers, and its exit code is 0.
SILENT = """No known vulnerabilities found
{"dependencies": [{"name": "pyyaml", "skip_reason": "Dependency could not be audited"}]}
"""

# What Trivy says where its database can't be had.
NO_DATABASE = "FATAL\tFatal error\trun error: init error: DB error: no such host\n"


def test_a_vulnerability_is_a_finding() -> None:
    """By its number, with what mends it."""
    (found,) = from_pip_audit(VULNERABLE, "requirements.lock")
    assert (found.rule, found.file) == ("PYSEC-2021-142", "requirements.lock")
    assert found.text == "pyyaml 5.3; mended by 5.4"


def test_trivys_findings_are_read() -> None:
    """Vulnerabilities and secrets, each by its own name; what has neither is none."""
    flaw = {
        "VulnerabilityID": "CVE-2020-14343",
        "PkgName": "PyYAML",
        "InstalledVersion": "5.3",
        "Severity": "CRITICAL",
    }
    key = {"RuleID": "private-key", "StartLine": 7, "Title": "Asymmetric Private Key"}
    results = [
        {"Target": "requirements.txt", "Vulnerabilities": [flaw]},
        {"Target": "key.pem", "Secrets": [key]},
        {"Target": "go.mod", "Packages": []},
    ]
    found = [str(each) for each in from_trivy("INFO [x]\n" + json.dumps({"Results": results}))]
    assert found == [
        "requirements.txt:1: trivy CVE-2020-14343: CRITICAL: PyYAML 5.3",
        "key.pem:7: trivy private-key: Asymmetric Private Key",
    ]


def test_a_silence_is_no_finding_of_nothing() -> None:
    """Nobody was asked: that is said, and nothing else."""
    with pytest.raises(NotAuditedError, match="could not be audited"):
        list(from_pip_audit(SILENT, "requirements.lock"))
    for said in (NO_DATABASE, "", "{"):
        with pytest.raises(NotAuditedError, match="trivy tells nothing"):
            list(from_trivy(said))


def test_every_lock_of_python_is_audited() -> None:
    """Those of tools, too; Maven's aren't pip's."""
    names = {str(each.relative_to(ROOT)) for each in of_python(ROOT)}
    assert {"requirements.lock", "requirements-uv.lock", "tools/audit/requirements.lock"} <= names
    assert {"tools/python/load.lock", "tools/python/service.lock"} <= names
    assert not {each for each in names if each.startswith("tools/maven")}
    written = [path for path in Path(ROOT).glob("tools/*/*.lock") if "maven" not in path.parts]
    assert len(names) == len(written) + 2
