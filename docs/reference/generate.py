#!/usr/bin/env python3
"""Writes the reference from proto/ and the table of roles, with protoc and the package protobuf: `generate.py [FOLDER]`.

The pages are committed, so that they can be read where the repository is; tests/guide_test.sh says when they are stale.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/reference"
ROLES = ["admin", "pi", "engineer", "technician", "viewer"]
TITLES = {
    "auth": "Auth: signing in, people, the audit trail",
    "samples": "Samples: what there is to measure, and where it is",
    "calibration": "Calibration: instruments, certificates, fitness for use",
    "runs": "Runs: measurements, recipes, data",
    "common": "Common: what the services share",
}
# Patterns that say less than words do.
WORDS = {
    r"^[^\x00-\x1f\x7f]*$": "one line of text",
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$": "text, of several lines too",
    "^[!-~]*$": "ASCII without spaces",
    "^[!-~]+$": "ASCII without spaces",
    "^([+-]?[0-9]{1,30}([.][0-9]{1,30})?)?$": "a decimal number",
    "^[+-]?[0-9]{1,30}([.][0-9]{1,30})?$": "a decimal number",
}
MADE = "<!-- Made by generate.py from proto/: change the comments there. -->\n"


def load():
    """The files of proto/, their comments, and a way to read options with all extensions."""
    files = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/spectra").rglob("*.proto"))
    deps = ROOT / "target/proto-deps"
    if not (deps / "buf/validate/validate.proto").exists():
        subprocess.run([ROOT / "scripts/proto_deps.sh"], check=True)
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc", f"-I{ROOT / 'proto'}", f"-I{deps}", "--include_imports", "--include_source_info", "-o", out.name]
            + files,
            check=True,
        )
        described = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in described.file:
        pool.Add(file)
    for file in described.file:
        pool.FindFileByName(file.name)
    return [file for file in described.file if file.name in files], pool


FILES, POOL = load()


def options(message, kind):
    """Options read anew with a type that knows their extensions, as {full name: value}."""
    known = message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"google.protobuf.{kind}"))
    for extension in POOL.FindAllExtensions(known.DESCRIPTOR):
        message_factory.GetMessageClass(extension.containing_type)
    return {field.full_name: value for field, value in known.FromString(message.SerializeToString()).ListFields()}


def permissions():
    """{permission: roles}, from the one table of who may do what."""
    text = (ROOT / "shared/src/auth/role.rs").read_text()
    sets = {
        name: [role.strip().lower() for role in roles.split(",")]
        for name, roles in re.findall(r"^const (\w+): &\[Role\] = &\[([\w, ]+)\];", text, re.M)
    }
    return {name: sets[of] for name, of in re.findall(r'^    \("([a-z_.]+)", (\w+)\),', text, re.M)}


PERMISSIONS = permissions()
REASONS = {
    value.name.removeprefix("ERROR_REASON_")
    for file in FILES
    for enum in file.enum_type
    if enum.name == "ErrorReason"
    for value in enum.value
}


def package(type_name):
    return type_name.lstrip(".").split(".")[1]


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Page:
    """The Markdown of one package."""

    def __init__(self, name):
        self.name = name
        self.files = [file for file in FILES if package(file.package) == name]
        self.lines = [MADE, f"# {TITLES[name]}\n"]

    def say(self, *lines):
        self.lines += lines

    def link(self, type_name):
        """To a type of the laboratory; others are named."""
        short = type_name.rsplit(".", 1)[-1]
        if not type_name.startswith(".spectra."):
            return f"`{type_name.lstrip('.').removeprefix('google.protobuf.')}`"
        if short == "ErrorReason":
            return f"[{short}](errors.md)"
        where = "" if package(type_name) == self.name else f"{package(type_name)}.md"
        return f"[{short}]({where}#{anchor(short)})"

    def type_of(self, field, maps):
        if field.type_name in maps:
            key, value = maps[field.type_name].field
            return f"map of {self.type_of(key, maps)} to {self.type_of(value, maps)}"
        scalar = descriptor_pb2.FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
        kind = self.link(field.type_name) if field.type_name else scalar
        return f"list of {kind}" if field.label == field.LABEL_REPEATED else kind

    def build(self):
        self.say("Addresses, page sizes, filters, retries and errors are alike everywhere: [conventions](README.md).\n")
        for file in self.files:
            for index, service in enumerate(file.service):
                self.service(file, service, (6, index))
        self.say("## Messages\n") if any(file.message_type for file in self.files) else None
        for file in self.files:
            for index, message in enumerate(file.message_type):
                self.message(file, message, (4, index))
        enums = [(file, enum, (5, at)) for file in self.files for at, enum in enumerate(file.enum_type)]
        enums = [(file, enum, path) for file, enum, path in enums if enum.name != "ErrorReason"]
        if enums:
            self.say("## Values\n")
        for file, enum, path in enums:
            self.say(f"### {enum.name}\n", comment(file, path) + "\n", "| value | meaning |", "|---|---|")
            for index, value in enumerate(enum.value):
                if value.number:
                    self.say(f"| `{value.name}` | {cell(comment(file, (*path, 2, index)))} |")
            self.say("")
        return "\n".join(self.lines).rstrip() + "\n"

    def service(self, file, service, path):
        self.say(f"## {service.name}\n", f"`{file.package}.{service.name}`. {comment(file, path)}\n")
        for index, method in enumerate(service.method):
            self.method(file, service, method, (*path, 2, index))

    def method(self, file, service, method, path):
        known = options(method.options, "MethodOptions")
        text, _, errors = comment(file, path).partition("Errors:")
        request = self.link(method.input_type) + (", a stream" if method.client_streaming else "")
        response = self.link(method.output_type) + (", a stream" if method.server_streaming else "")
        self.say(f"### {service.name}.{method.name}\n", text.strip() + "\n")
        self.say(f"- **Takes** {request}. **Answers** {response}.")
        self.say(f"- **May call** {access(known['spectra.common.v1.access'])}.")
        for rule in https(known.get("google.api.http")):
            self.say(f"- **Plain HTTP** {rule}")
        if known.get("spectra.common.v1.replay"):
            self.say("- **Repeated**, it is carried out again: it has no `request_id`.")
        if errors:
            linked = re.sub(r"\b[A-Z]+(?:_[A-Z]+)*\b", self.reason, errors.strip())
            self.say(f"- **Refuses** {linked}")
        self.say("")

    def reason(self, found):
        name = found.group()
        return f"[{name}](errors.md#{name.lower()})" if name in REASONS else name

    def message(self, file, message, path):
        maps = {
            f".{file.package}.{message.name}.{nested.name}": nested
            for nested in message.nested_type
            if nested.options.map_entry
        }
        assert len(maps) == len(message.nested_type), f"{message.name} nests a message: say how it is shown"
        self.say(f"### {message.name}\n", comment(file, path) + "\n")
        if not message.field:
            self.say("It has no fields.\n")
            return
        self.say("| field | type | meaning | rule |", "|---|---|---|---|")
        for index, field in enumerate(message.field):
            known = options(field.options, "FieldOptions")
            rules = behaviour(known.get("google.api.field_behavior", [])) + rules_of(known.get("buf.validate.field"))
            if field.HasField("oneof_index") and not field.proto3_optional:
                rules.append(f"one of `{message.oneof_decl[field.oneof_index].name}`")
            if field.proto3_optional:
                rules.append("may be absent")
            meaning = cell(comment(file, (*path, 2, index)))
            self.say(f"| `{field.name}` | {self.type_of(field, maps)} | {meaning} | {cell(', '.join(rules))} |")
        self.say("")


def comment(file, path):
    """What stands before a declaration, as one paragraph."""
    for location in file.source_code_info.location:
        if tuple(location.path) == tuple(path):
            return " ".join(location.leading_comments.split())
    return ""


def cell(text):
    return text.replace("|", "\\|")


def access(rule):
    kind = rule.WhichOneof("rule")
    if kind == "permission":
        return f"`{rule.permission}`: {', '.join(PERMISSIONS[rule.permission])}"
    if kind == "internal":
        return f"services only: {', '.join(rule.internal.services)}"
    who = {"signed_in": "anybody who is signed in", "public": "anybody, without a token"}[kind]
    return f"{who} ({getattr(rule, kind)})"


def https(rule):
    if rule is None:
        return
    kind = rule.WhichOneof("pattern")
    body = {"": "", "*": "; the body is the request"}.get(rule.body, f"; the body is `{rule.body}`")
    answer = f"; the answer is `{rule.response_body}` alone" if rule.response_body else ""
    yield f"`{kind.upper()} {getattr(rule, kind)}`{body}{answer}"
    for further in rule.additional_bindings:
        yield from https(further)


def behaviour(values):
    return ["set by the server" for value in values if value == 3]


def rules_of(rules):
    """What buf.validate asks of a field, in words."""
    if rules is None:
        return []
    said = []
    for field, value in rules.ListFields():
        match field.name:
            case "required":
                said.append("wanted")
            case "ignore":
                said.insert(0, "where given")
            case "repeated":
                said += span(value, "min_items", "max_items", "of them") + (["each once"] if value.unique else [])
                said += [f"each: {rule}" for rule in rules_of(value.items) if value.HasField("items")]
            case "map":
                said += span(value, "min_pairs", "max_pairs", "of them")
                said += [f"keys: {rule}" for rule in rules_of(value.keys)]
                said += [f"values: {rule}" for rule in rules_of(value.values)]
            case _:
                said += scalar(field.name, value)
    return said


def scalar(kind, rules):
    said = span(rules, "min_len", "max_len", "characters") if kind == "string" else []
    said += span(rules, "min_len", "max_len", "bytes") if kind == "bytes" else []
    low, high = getattr(rules, "gte", None), getattr(rules, "lte", None)
    unit = " s" if kind == "duration" else ""
    instants = kind == "timestamp"
    for field, value in rules.ListFields():
        match field.name:
            case "min_len" | "max_len":
                pass
            case "gte" | "lte" if instants:
                said += ["1970 to 9999"] if field.name == "gte" else []
            case "gte":
                upper = f"{number(low)} to {number(high)}{unit}"
                said.append(upper if rules.HasField("lte") else f"{number(low)}{unit} or more")
            case "lte":
                said += [] if rules.HasField("gte") else [f"at most {number(high)}{unit}"]
            case "gt" | "lt":
                said.append(f"{'more' if field.name == 'gt' else 'less'} than {number(value)}{unit}")
            case "uuid":
                said.append("a UUID")
            case "email":
                said.append("an e-mail address")
            case "pattern":
                said.append(WORDS.get(value, f"`{value}`"))
            case "defined_only":
                said.append("a known value")
            case "finite":
                said.append("finite")
            case "example" if instants:
                pass
            case "example":
                said.append("such as " + " or ".join(f"`{one}`" for one in value))
            case "in":
                said.append("one of " + ", ".join(f"`{one}`" for one in value))
            case "not_in":
                said.append("none of " + ", ".join(f"`{one}`" for one in value))
            case other:
                raise SystemExit(f"generate.py does not know the rule {kind}.{other}")
    return said


def number(value):
    return str(value.seconds if hasattr(value, "seconds") else value)


def span(rules, low, high, unit):
    known = {field.name: value for field, value in rules.ListFields()}
    if low in known and high in known:
        return [f"{known[low]} to {known[high]} {unit}"]
    if high in known:
        return [f"at most {known[high]} {unit}"]
    return [f"{known[low]} {unit} or more"] if low in known else []


def errors():
    lines = [MADE, "# Why a call was refused\n"]
    [(file, index, enum)] = [
        (file, index, enum)
        for file in FILES
        for index, enum in enumerate(file.enum_type)
        if enum.name == "ErrorReason"
    ]
    lines += [
        "Each error is a `google.rpc.Status` with one `google.rpc.ErrorInfo`: a reason of this list in the domain",
        "`spectra-lab`, and metadata, `request_id` always among them. By plain HTTP the same stands in",
        '`{"detail": {"code": "calibration_expired", "message": "..", ..}}`, the reason in small letters.\n',
        "What is wrong with an HTTP request itself, before any call is made of it, has one of these codes, and no",
        "`request_id`: `invalid_argument` (400: the body or the query cannot be read, and where), `not_found` (404: nothing",
        "is at this path), `method_not_allowed` (405), `request_timeout` (408: the body did not come within 10 s),",
        "`payload_too_large` (413: over 4 MiB, or 200,000 values), `unsupported_media_type` (415: a compressed body).\n",
    ]
    for at, value in enumerate(enum.value):
        text = comment(file, (5, index, 2, at))
        code, colon, meaning = text.partition(": ")
        if value.number and colon:
            lines += [f"## {value.name.removeprefix('ERROR_REASON_')}\n", f"`{code}`. {upper(meaning)}\n"]
    return "\n".join(lines).rstrip() + "\n"


def upper(text):
    """As a sentence begins, unless it begins with a name."""
    return text if "_" in text.split()[0] else text[:1].upper() + text[1:]


def roles():
    lines = [MADE, "# Who may do what\n"]
    lines.append("A role holds permissions, and each method asks for one. Nobody may pass the calibration lockout.\n")
    lines += ["| permission | " + " | ".join(ROLES) + " | methods |", "|---" * (len(ROLES) + 2) + "|"]
    methods = {name: [] for name in PERMISSIONS}
    for file in FILES:
        for service in file.service:
            for method in service.method:
                rule = options(method.options, "MethodOptions")["spectra.common.v1.access"]
                if rule.permission:
                    where = f"{package(file.package)}.md#{anchor(f'{service.name}.{method.name}')}"
                    methods[rule.permission].append(f"[{method.name}]({where})")
    for name, holders in PERMISSIONS.items():
        marks = " | ".join("✓" if role in holders else "" for role in ROLES)
        lines.append(f"| `{name}` | {marks} | {', '.join(methods[name])} |")
    return "\n".join(lines) + "\n"


def index():
    """The conventions are written by hand; the list of methods is kept below them."""
    lines = ["| service | method | what it does |", "|---|---|---|"]
    for name in TITLES:
        for file in [file for file in FILES if package(file.package) == name]:
            for at, service in enumerate(file.service):
                for nth, method in enumerate(service.method):
                    title = f"{service.name}.{method.name}"
                    text = comment(file, (6, at, 2, nth)).partition("Errors:")[0]
                    first = re.split(r"(?<=[.:;]) ", text)[0].rstrip(":;.")
                    link = f"[{method.name}]({name}.md#{anchor(title)})"
                    lines.append(f"| {service.name} | {link} | {cell(first)} |")
    page = (ROOT / "docs/reference/README.md").read_text()
    head, mark, _ = page.partition("## All methods\n")
    assert mark, "docs/reference/README.md has no heading `All methods`"
    return head + mark + "\n" + "\n".join(lines) + "\n"


OUT.mkdir(parents=True, exist_ok=True)
pages = {f"{name}.md": Page(name).build() for name in TITLES}
pages |= {"errors.md": errors(), "roles.md": roles(), "README.md": index()}
for name, text in pages.items():
    (OUT / name).write_text(text)
