"""The manifests, rendered as a run renders them, are held to the promises: no cluster is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from fixtures.declared.promises import Promises
from fixtures.resources.prometheus import RETENTION
from groundwork.kube.objects import Object
from suites.support.comparisons import differences
from suites.support.overlays import everything

# What makes pods.
KINDS = {"DaemonSet", "Deployment", "StatefulSet"}

# Of the platform's own: a cluster brings its others.
NAMES = ("app.kubernetes.io/name", "groundwork.dev/resource")

# Seen by the pods' own limits; what a container asks for must leave it room.
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

# Rights beyond what accounts may do are looked at by suites/connectivity; these no one has.
EVERYTHING = "*"


@dataclass(frozen=True)
class Maker:
    """What makes pods, and the pods that it makes."""

    body: Object

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"{self.body['kind']} {self.body['metadata']['name']}"

    @property
    def short(self) -> str:
        """Its name alone."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where its pods are."""
        return str(self.body["metadata"]["namespace"])

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Of its pods."""
        found: dict[str, Any] = self.body["spec"]["template"]["spec"]
        return found

    @property
    def containers(self) -> list[dict[str, Any]]:
        """Those that last."""
        return list(self.spec["containers"])

    @property
    def all_containers(self) -> list[dict[str, Any]]:
        """Those that run before, too."""
        return [*self.spec.get("initContainers", ()), *self.containers]

    def labels(self) -> dict[str, str]:
        """Of its pods."""
        found: dict[str, str] = self.body["spec"]["template"]["metadata"]["labels"]
        return found


@pytest.fixture(scope="module", params=["packages-three-brokers", "vendor-redpanda"])
def objects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Object]:
    """All objects of an environment with these options."""
    return everything(request.param, tmp_path_factory.mktemp("manifests"))


@pytest.fixture
def makers(objects: list[Object]) -> list[Maker]:
    """What makes pods among them."""
    return [Maker(body) for body in objects if body["kind"] in KINDS]


def bytes_of(text: str) -> int:
    """An amount of memory in Kubernetes' notation, in bytes."""
    return int(text[:-2]) * UNITS[text[-2:]]


def test_namespaces_enforce_the_promised_profile(objects: list[Object], promises: Promises) -> None:
    """Pods may do what the promised profile of Pod Security allows: restricted for most."""
    spaces = {m["metadata"]["name"]: m for m in objects if m["kind"] == "Namespace"}
    used = {body["metadata"]["namespace"] for body in objects if body["kind"] in KINDS}
    wanted = {
        name: promises.pods.other_profiles.get(name, promises.pods.profile)
        for name in spaces.keys() & used
        if name != "local-path-storage"  # its helpers make folders on nodes; only package nodes
    }
    label = "pod-security.kubernetes.io/enforce"
    found = {name: spaces[name]["metadata"].get("labels", {}).get(label) for name in wanted}
    assert wanted
    lines = differences(wanted, found, what="profile of namespace", where="namespaces.yaml")
    assert not lines, "\n".join(lines)


def test_every_container_is_probed_on_a_port_of_its_own(makers: list[Maker]) -> None:
    """A readiness and a liveness probe, each on a port that the container says it has."""
    lines = []
    for maker in makers:
        for container in maker.containers:
            if maker.short == "local-path-provisioner":
                continue  # it serves nobody: the claims that it answers are seen
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
            for kind in ("readinessProbe", "livenessProbe"):
                probe = container.get(kind, {})
                asked = probe.get("httpGet") or probe.get("tcpSocket")
                if asked is None:
                    lines.append(f"{maker.name}: {container['name']} has no {kind}")
                elif asked["port"] not in {*ports, *ports.values()}:
                    lines.append(f"{maker.name}: {kind} asks port {asked['port']}, not of {ports}")
    assert not lines, "\n".join(lines)


def test_every_container_asks_for_what_it_needs_and_no_more(makers: list[Maker]) -> None:
    """Requests for processor and memory, and a limit of memory that leaves room above them."""
    lines = []
    for maker in makers:
        for container in maker.all_containers:
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys() or "memory" not in limits:
                lines.append(f"{maker.name}: {container['name']} lacks requests or a limit")
            elif bytes_of(limits["memory"]) <= bytes_of(requests["memory"]):
                lines.append(f"{maker.name}: {container['name']} has no room above its request")
    assert not lines, "\n".join(lines)


def test_images_are_pinned(makers: list[Maker]) -> None:
    """Each has a tag, and none that moves."""
    lines = [
        f"{maker.name}: {container['image']} is not pinned"
        for maker in makers
        for container in maker.all_containers
        if container["image"].rpartition(":")[2] in {"latest", container["image"]}
    ]
    assert not lines, "\n".join(lines)


def test_pods_are_given_nothing_beyond_the_promised(
    makers: list[Maker], promises: Promises
) -> None:
    """No token that isn't promised, no host network, no privilege, no secret as a plain value."""
    lines = []
    for maker in makers:
        token = maker.spec.get("automountServiceAccountToken", True)
        if token and maker.short not in promises.pods.given_tokens:
            lines.append(f"{maker.name} is given a token, which is not promised")
        lines += [
            f"{maker.name} has {field}"
            for field in ("hostNetwork", "hostPID", "hostIPC")
            if maker.spec.get(field)
        ]
        for container in maker.all_containers:
            lines += list(beyond(maker.name, container))
    assert not lines, "\n".join(lines)


def beyond(name: str, container: dict[str, Any]) -> Iterator[str]:
    """What a container has that none of ours needs, in words."""
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield f"{name}: {container['name']} may gain privileges"
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name}: {container['name']} keeps capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: {container['name']} can write to its image"
    for each in container.get("env", ()):
        word = each["name"].upper()
        secret = any(part in word for part in ("PASSWORD", "SECRET", "TOKEN", "API_KEY"))
        if secret and "value" in each:
            yield f"{name}: {container['name']} is told {each['name']} as a plain value"
    for port in container.get("ports", ()):
        if "hostPort" in port:
            yield f"{name}: {container['name']} takes port {port['hostPort']} of its node"


def test_what_must_outlive_pods_does(makers: list[Maker], promises: Promises) -> None:
    """The promised workloads claim volumes for it; a folder of the pod would go with the pod."""
    wanted = promises.pods.outlived_by
    found = {
        maker.short: frozenset(
            claim["metadata"]["name"]
            for claim in maker.body["spec"].get("volumeClaimTemplates", ())
        )
        for maker in makers
    }
    claims = {name: names for name, names in found.items() if names or name in wanted}
    lines = differences(wanted, claims, what="claims of", where="the manifests")
    assert not lines, "\n".join(lines)


def test_metrics_are_kept_as_long_in_a_cluster(makers: list[Maker]) -> None:
    """Prometheus' arguments there are those of a process."""
    (prometheus,) = (maker for maker in makers if maker.short == "prometheus")
    assert f"--storage.tsdb.retention.time={RETENTION}" in prometheus.containers[0]["args"]


def test_promised_pods_are_spread_over_nodes(makers: list[Maker], promises: Promises) -> None:
    """Whose loss together would lose something: they prefer different nodes."""
    spread = {
        maker.short
        for maker in makers
        for each in maker.spec.get("topologySpreadConstraints", ())
        if each["topologyKey"] == "kubernetes.io/hostname"
        and each["labelSelector"]["matchLabels"].items() <= maker.labels().items()
    }
    assert spread == promises.pods.spread


def test_nodes_are_emptied_one_pod_at_a_time(
    objects: list[Object], makers: list[Maker], promises: Promises
) -> None:
    """A budget stands before each promised workload, and selects its pods."""
    found = {}
    for body in objects:
        if body["kind"] == "PodDisruptionBudget":
            chosen = body["spec"]["selector"]["matchLabels"].items()
            for maker in makers:
                if (
                    chosen <= maker.labels().items()
                    and maker.namespace == body["metadata"]["namespace"]
                ):
                    found[maker.short] = body["spec"].get("maxUnavailable")
    wanted = promises.pods.unavailable_max
    lines = differences(wanted, found, what="budget of", where="the manifests")
    assert not lines, "\n".join(lines)


def test_every_service_leads_to_pods(objects: list[Object], makers: list[Maker]) -> None:
    """Its selector fits pods of its namespace, and each of its ports is one of theirs."""
    lines = []
    for body in objects:
        if body["kind"] != "Service":
            continue
        name, space = body["metadata"]["name"], body["metadata"]["namespace"]
        index = "apps.kubernetes.io/pod-index"  # the stateful set's controller gives it
        chosen = {k: v for k, v in body["spec"]["selector"].items() if k != index}
        behind = [
            m for m in makers if m.namespace == space and chosen.items() <= m.labels().items()
        ]
        if not behind:
            lines.append(f"service {space}/{name} selects nothing: {chosen}")
        ports = {p for m in behind for c in m.containers for p in ports_of(c)}
        lines += [
            f"service {space}/{name}: port {port['name']} leads to {target}, which no pod has"
            for port in body["spec"]["ports"]
            if behind
            and (target := port.get("targetPort", port["port"])) not in ports
            and not optional(name, port["name"])
        ]
    assert not lines, "\n".join(lines)


def ports_of(container: dict[str, Any]) -> Iterator[str | int]:
    """By name and by number."""
    for port in container.get("ports", ()):
        yield port["name"]
        yield port["containerPort"]


def optional(service: str, port: str) -> bool:
    """Whether a port is there for more nodes of the broker than there may be."""
    return service == "relay" and port.startswith("broker-")


def test_node_ports_are_the_promised_ones(objects: list[Object], promises: Promises) -> None:
    """No service opens a port of the nodes that nobody promised, and none is a load balancer."""
    lines = []
    for body in objects:
        if body["kind"] == "Service":
            name = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
            ports = body["spec"]["ports"]
            opened = {p["nodePort"] for p in ports if "nodePort" in p}
            if body["spec"].get("type") == "NodePort":
                lines += [
                    f"service {name} opens any port of the nodes for its port {p['name']}"
                    for p in ports
                    if "nodePort" not in p
                ]
            if not opened <= promises.exposure.node_ports.get(name, frozenset()):
                lines.append(f"service {name} opens {sorted(opened)}, which is not promised")
            if body["spec"].get("type") == "LoadBalancer" or body["spec"].get("externalIPs"):
                lines.append(f"service {name} is open to the world")
    assert not lines, "\n".join(lines)


def test_policies_allow_what_is_listed_and_nobody_else(objects: list[Object]) -> None:
    """Each namespace of ours refuses what isn't listed, and no rule allows everything."""
    policies = [body for body in objects if body["kind"] == "NetworkPolicy"]
    closed = {
        body["metadata"]["namespace"]
        for body in policies
        if not body["spec"]["podSelector"] and not body["spec"].get("ingress")
    }
    assert closed == {"infra", "services"}
    lines = [
        f"policy {body['metadata']['namespace']}/{body['metadata']['name']} allows everything"
        for body in policies
        for rule in body["spec"].get("ingress", ())
        if not rule or not (rule.get("ports") or rule.get("from"))
    ]
    assert not lines, "\n".join(lines)


def test_nobody_may_do_everything(objects: list[Object]) -> None:
    """No role has all verbs, all kinds or all groups, and no account is an administrator."""
    lines = []
    for body in objects:
        name = f"{body['kind']} {body['metadata']['name']}"
        for rule in body.get("rules", ()) if body["kind"] in {"Role", "ClusterRole"} else ():
            # A rule is of kinds of objects, or of paths.
            what = {*rule.get("resources", ()), *rule.get("nonResourceURLs", ())}
            if EVERYTHING in {*rule["verbs"], *what, *rule.get("apiGroups", ())}:
                lines.append(f"{name} may do everything with something")
            if "secrets" in what:
                lines.append(f"{name} may read secrets")
        if body["kind"].endswith("RoleBinding") and body["roleRef"]["name"] in {
            "admin",
            "cluster-admin",
            "edit",
        }:
            lines.append(f"{name} makes an administrator")
    assert not lines, "\n".join(lines)
