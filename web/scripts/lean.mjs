// Takes out of a set of file descriptors, from stdin to stdout, what the browser has no use for: the rules that the server
// checks messages by, and the paths of plain HTTP. They were 17 kB of a first load.
import { buffer } from "node:stream/consumers";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const FOREIGN = /^(buf\/validate|google\/api)\//;
/** Numbers of those files' extensions: buf.validate's options, google.api.http and google.api.field_behavior. */
const RULES = new Set([1159, 72295728, 1052]);

function lean(described) {
  const { options } = described;
  if (options?.$unknown) {
    options.$unknown = options.$unknown.filter(({ no }) => !RULES.has(no));
    if (Object.entries(options).every(([name, value]) => name === "$typeName" || value.length === 0))
      described.options = undefined;
  }
  for (const part of Object.values(described).flat()) if (part?.$typeName?.endsWith("DescriptorProto")) lean(part);
}

const set = fromBinary(FileDescriptorSetSchema, await buffer(process.stdin));
set.file = set.file.filter(({ name }) => !FOREIGN.test(name));
for (const file of set.file) {
  file.dependency = file.dependency.filter((name) => !FOREIGN.test(name));
  lean(file);
}
process.stdout.write(toBinary(FileDescriptorSetSchema, set));
