"""The list, of clusters: manifests that were edited, and objects that were changed by hand."""

from __future__ import annotations

from typing import Any

from suites.sabotage.clusters import applied_beside, deleted, patched
from suites.sabotage.injection import Edit, Injection, Kind
from suites.sabotage.living import Alteration

__all__ = ["ALTERED", "EDITED"]

BASE = "manifests/kubernetes/base"
KAFKA = f"{BASE}/kafka/statefulset.yaml"
PROMETHEUS = f"{BASE}/prometheus/prometheus.yaml"
ALERTMANAGER = f"{BASE}/alertmanager/alertmanager.yaml"
RELAY = f"{BASE}/relay/relay.yaml"
RECEIVER = f"{BASE}/receiver/receiver.yaml"
POLICIES = f"{BASE}/policies/policies.yaml"
DISRUPTION = f"{BASE}/broker/disruption.yaml"


def edited(name: str, file: str, old: str, new: str, *words: str) -> Injection:
    """A manifest that was edited; it is seen without a cluster."""
    return Injection(name, Kind.CLUSTER, Edit(file, old, new), words)


EDITED = (
    edited(
        "a namespace takes any pod",
        f"{BASE}/namespaces/namespaces.yaml",
        "name: infra\n  labels: {pod-security.kubernetes.io/enforce: restricted}",
        "name: infra\n  labels: {pod-security.kubernetes.io/enforce: baseline}",
        "profile of namespace infra",
        "restricted",
        "baseline",
    ),
    edited(
        "a workload has no readiness probe",
        ALERTMANAGER,
        "readinessProbe:",
        "startupProbe:",
        "Deployment alertmanager",
        "no readinessProbe",
    ),
    edited(
        "a probe asks a port that isn't there",
        RELAY,
        "livenessProbe:\n            tcpSocket: {port: control}",
        "livenessProbe:\n            tcpSocket: {port: 9999}",
        "Deployment relay",
        "livenessProbe",
        "9999",
    ),
    edited(
        "a container may use all memory of its node",
        RECEIVER,
        ", limits: {memory: 96Mi}",
        "",
        "Deployment receiver",
        "lacks requests or a limit",
    ),
    edited(
        "an image is whatever is newest",
        ALERTMANAGER,
        "prom/alertmanager:v0.28.1",
        "prom/alertmanager:latest",
        "alertmanager:latest",
        "not pinned",
    ),
    edited(
        "a pod is given a token that it doesn't use",
        RELAY,
        "serviceAccountName: relay\n      automountServiceAccountToken: false",
        "serviceAccountName: relay\n      automountServiceAccountToken: true",
        "Deployment relay",
        "token",
    ),
    edited(
        "a pod is in its node's network",
        RELAY,
        "      enableServiceLinks: false",
        "      enableServiceLinks: false\n      hostNetwork: true",
        "Deployment relay has hostNetwork",
    ),
    edited(
        "a password as a plain value",
        RELAY,
        "          image: toolbox\n",
        "          image: toolbox\n          env: [{name: DATABASE_PASSWORD, value: hunter2}]\n",
        "DATABASE_PASSWORD as a plain value",
    ),
    edited(
        "measurements go with their pod",
        PROMETHEUS,
        "  volumeClaimTemplates:\n    - metadata:\n        name: data",
        "  volumeClaimTemplates:\n    - metadata:\n        name: other",
        "claims of prometheus",
        "data",
    ),
    edited(
        "brokers are crowded on one node",
        KAFKA,
        "topologyKey: kubernetes.io/hostname",
        "topologyKey: kubernetes.io/os",
        "broker",
    ),
    edited(
        "nodes may be emptied of all brokers at once",
        DISRUPTION,
        "maxUnavailable: 1",
        "maxUnavailable: 3",
        "budget of broker",
        "promised 1",
    ),
    edited(
        "a service selects nothing",
        RECEIVER,
        "selector: {app.kubernetes.io/name: receiver}",
        "selector: {app.kubernetes.io/name: reciever}",
        "service infra/receiver selects nothing",
        "reciever",
    ),
    edited(
        "a port of the nodes that nobody promised",
        ALERTMANAGER,
        "nodePort: 30903}",
        "nodePort: 30904}",
        "infra/alertmanager",
        "30904|node port",
    ),
    edited(
        "a service opens all of its ports",
        RELAY,
        "  name: relay\nspec:\n  publishNotReadyAddresses: true\n",
        "  name: relay\nspec:\n  type: NodePort\n  publishNotReadyAddresses: true\n",
        "service infra/relay",
        "opens any port",
    ),
    edited(
        "a policy lets everybody in",
        POLICIES,
        "    - ports: [{port: control}] # node port\n",
        "    - {}\n",
        "policy infra/relay allows everything",
    ),
    edited(
        "an account may do everything",
        f"{BASE}/prometheus/rights.yaml",
        "verbs: [list, watch]",
        'verbs: ["*"]',
        "ClusterRole prometheus",
        "everything",
    ),
)


def altered(name: str, act: Alteration, *words: str, spoils: bool = False) -> Injection:
    """Something that was done to a living cluster."""
    return Injection(name, Kind.CLUSTER, act, words, platform="kind", spoils=spoils)


def stray(kind: str, namespace: str, **rest: Any) -> dict[str, Any]:
    """An object that nobody declared."""
    group = {"Deployment": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1"}
    metadata = {"name": "stray", "namespace": namespace}
    return {"apiVersion": group.get(kind, "v1"), "kind": kind, "metadata": metadata, **rest}


PODS = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": "stray"}},
    "template": {
        "metadata": {"labels": {"app": "stray"}},
        "spec": {"containers": [{"name": "stray", "image": "localhost/stray:1"}]},
    },
}
OPEN: dict[str, Any] = {"spec": {"ingress": [{}]}}

ALTERED = (
    altered(
        "a budget is deleted",
        deleted("poddisruptionbudget", "infra", "broker"),
        "PodDisruptionBudget infra/broker is gone",
    ),
    altered(
        "a service is open to the world",
        patched("service", "infra", "prometheus", {"spec": {"type": "LoadBalancer"}}),
        "Service infra/prometheus",
        "LoadBalancer",
    ),
    altered(
        "a policy lets everybody in, by a hand",
        patched("networkpolicy", "infra", "relay", OPEN),
        "NetworkPolicy infra/relay",
    ),
    altered(
        "a policy is deleted",
        deleted("networkpolicy", "services", "nobody"),
        "NetworkPolicy services/nobody is gone",
    ),
    altered(
        "a stray workload",
        applied_beside(stray("Deployment", "default", spec=PODS)),
        "Deployment default/stray",
    ),
    altered(
        "a stray configuration",
        applied_beside(stray("ConfigMap", "infra", data={"a": "b"})),
        "ConfigMap infra/stray",
    ),
    altered(
        "a stray secret",
        applied_beside(stray("Secret", "services", stringData={"a": "b"})),
        "Secret services/stray",
    ),
    altered(
        "a stray policy that lets everybody in",
        applied_beside(stray("NetworkPolicy", "infra", spec={"podSelector": {}, "ingress": [{}]})),
        "NetworkPolicy infra/stray",
    ),
    altered(
        "a stray service",
        applied_beside(
            stray("Service", "services", spec={"selector": {"a": "b"}, "ports": [{"port": 80}]})
        ),
        "Service services/stray",
    ),
    altered(
        "a namespace takes any pod, by a hand",
        patched(
            "namespace",
            "",
            "infra",
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        ),
        "Namespace infra",
        "pod-security",
    ),
    altered(
        "rules are edited in the cluster",
        patched("configmap", "infra", "prometheus-rules", {"data": {"proof.yaml": "groups: []"}}),
        "ConfigMap infra/prometheus-rules",
        "proof.yaml",
    ),
    altered(
        "the route of alerts is edited in the cluster",
        patched(
            "configmap",
            "infra",
            "alertmanager-config",
            {"data": {"alertmanager.yaml": "route: {}"}},
        ),
        "ConfigMap infra/alertmanager-config",
        "alertmanager.yaml",
    ),
    altered(
        "a service has another port of the nodes",
        patched(
            "service",
            "services",
            "hello-world",
            {"spec": {"ports": [{"name": "http", "port": 8000, "nodePort": 30999}]}},
        ),
        "Service services/hello-world",
        "30999",
    ),
    altered(
        "an account is given a token",
        patched("serviceaccount", "infra", "relay", {"automountServiceAccountToken": True}),
        "ServiceAccount infra/relay",
        "automountServiceAccountToken",
    ),
    altered(
        "a budget lets all brokers go",
        patched("poddisruptionbudget", "infra", "broker", {"spec": {"maxUnavailable": 3}}),
        "PodDisruptionBudget infra/broker",
        "maxUnavailable",
    ),
    altered(
        "an account may do more",
        patched(
            "clusterrole",
            "",
            "prometheus",
            {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
        ),
        "ClusterRole prometheus",
    ),
    altered(
        "two replicas of what remembers",
        patched("deployment", "services", "hello-world", {"spec": {"replicas": 2}}),
        "Deployment services/hello-world|members of the group|2 of 1 pods|hello-world",
        spoils=True,  # the keeper takes the end of the second one for an accident
    ),
)
