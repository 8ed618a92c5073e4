"""Writes the custom resources among these files of Kubernetes resources as a TypeScript program for their kinds' types."""

import json
import sys

import yaml

PACKAGES = {
    "cert-manager.io": "@kubernetes-models/cert-manager",
    "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
}
# Checked by definitions.py.
WITHOUT_TYPES = {"postgresql.cnpg.io", "barmancloud.cnpg.io"}
KUBERNETES = {"apps", "autoscaling", "batch", "networking.k8s.io", "policy", ""}

imports, values = set(), []
for path in sys.argv[1:]:
    for resource in yaml.safe_load_all(open(path)):
        group, _, version = resource["apiVersion"].rpartition("/")
        kind, name = resource["kind"], resource["metadata"]["name"]
        if group in PACKAGES:
            source = f"{PACKAGES[group]}/{group}/{version}/{kind}"
            imports.add(f'import {{ I{kind} }} from "{source}";')
            values.append(f"// {path}: {kind} {name}\nexport const r{len(values)}: I{kind} = {json.dumps(resource)};")
        elif group not in WITHOUT_TYPES | KUBERNETES:
            sys.exit(f"{path}: nothing checks {kind} of {group}: add its package here")
if not values:
    sys.exit("there is no custom resource to check")
print("\n".join(sorted(imports) + values))
