"""Who can reach whom under a set of network policies, worked out as Kubernetes would, without it."""


def matches(selector, labels):
    """Whether a label selector selects these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] in ("In", "Exists"), rule
        if rule["key"] not in labels or (rule["operator"] == "In" and labels[rule["key"]] not in rule["values"]):
            return False
    return True


def pods(resources):
    """Labels of each workload's pods, by its name."""
    found = {}
    for resource in resources:
        if resource["kind"] in ("Deployment", "Job", "StatefulSet"):
            found[resource["metadata"]["name"]] = resource["spec"]["template"]["metadata"]["labels"]
        # Its operator labels them so.
        if resource["kind"] == "Cluster":
            found[resource["metadata"]["name"]] = {"cnpg.io/cluster": resource["metadata"]["name"]}
    return found


def lets_in(resources, pod, namespace, port):
    """Whether the policies let every pod of another namespace have a connection with `pod`."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return any(
        peer in rule.get("from", []) and port in [entry["port"] for entry in rule.get("ports", [])]
        for resource in resources
        if resource["kind"] == "NetworkPolicy"
        and "Ingress" in resource["spec"]["policyTypes"]
        and matches(resource["spec"]["podSelector"], pod)
        for rule in resource["spec"].get("ingress", [])
    )


def permits(resources, direction, pod, other, port):
    """Whether the policies let `pod` have a connection with `other`, of the same namespace: "ingress" or "egress"."""
    policies = [
        resource["spec"]
        for resource in resources
        if resource["kind"] == "NetworkPolicy"
        and direction.capitalize() in resource["spec"]["policyTypes"]
        and matches(resource["spec"]["podSelector"], pod)
    ]
    if not policies:
        return True
    for rule in (rule for policy in policies for rule in policy.get(direction, [])):
        ports = rule.get("ports")
        if ports and port not in [entry["port"] for entry in ports]:
            continue
        peers = rule.get("from" if direction == "ingress" else "to")
        # Another namespace's pods are none of ours, unless any namespace will do.
        near = [peer for peer in peers or [] if peer.get("namespaceSelector", {}) == {} and "ipBlock" not in peer]
        if peers is None or any(matches(peer.get("podSelector", {}), other) for peer in near):
            return True
    return False


def reaches(resources, source, target, port):
    """Whether a connection from one to the other comes about."""
    return permits(resources, "egress", source, target, port) and permits(resources, "ingress", target, source, port)
