import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Lab, type Options } from "./lab.js";

export * from "./public.js";

/** Signs in at a lab, over gRPC-web: its address as a web page knows it, such as `window.location.origin`. */
export function connect(address: string, options: Options): Promise<Lab> {
  return Lab.begin(createGrpcWebTransport({ baseUrl: address }), options, () => {});
}
