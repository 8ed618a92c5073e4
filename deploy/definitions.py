"""Checks custom resources by their operators' own definitions, as the API server would; a member that is none is refused.

    python deploy/definitions.py DEFINITION.. -- RESOURCES..

Files in YAML. Of the resources, those are looked at whose kinds the definitions define; each kind must be among them.
"""

import copy
import sys

import jsonschema
import yaml


def main():
    middle = sys.argv.index("--")
    schemas = {}
    for definition in documents(sys.argv[1:middle]):
        spec = definition["spec"]
        for version in spec["versions"]:
            kind = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            schemas[kind] = jsonschema.Draft202012Validator(closed(version["schema"]["openAPIV3Schema"]))
    groups = {version.partition("/")[0] for version, _ in schemas}
    seen = 0
    for resource in documents(sys.argv[middle + 1 :]):
        version, kind = resource["apiVersion"], resource["kind"]
        if version.partition("/")[0] not in groups:
            continue
        if (version, kind) not in schemas:
            sys.exit(f"{version} defines no {kind}")
        named = f"{kind} {resource['metadata']['name']}"
        for fault in schemas[version, kind].iter_errors(resource):
            sys.exit(f"{named}: {'.'.join(map(str, fault.absolute_path))}: {fault.message}")
        # A check that finds nothing in anything would be none.
        for wrong in ({"unheard_of": 1}, {next(iter(resource["spec"])): {"unheard_of": 1}}):
            broken = copy.deepcopy(resource)
            broken["spec"] |= wrong
            if schemas[version, kind].is_valid(broken):
                sys.exit(f"{named}: {wrong} is not noticed")
        seen += 1
    if not seen:
        sys.exit("there is no resource of these definitions")


class Plain(yaml.SafeLoader):
    """As Kubernetes reads YAML: what looks like an instant is text."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(paths):
    return [document for path in paths for document in yaml.load_all(open(path), Plain) if document]


def closed(schema):
    """The schema with no other members than it names, where it names any."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(part) for key, part in schema.items()}
    named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if named and not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
        # What every resource has.
        common = {"apiVersion", "kind", "metadata"} & set(schema["properties"])
        schema["additionalProperties"] = False
        if common == {"apiVersion", "kind", "metadata"}:
            schema["properties"]["metadata"] = {"type": "object"}
    return schema


main()
