import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Lab, type Options } from "./lab.js";

export * from "./public.js";

/** How Node connects. */
export type NodeOptions = Options & {
  /** PEM of the authority that the lab's certificate comes from; the system's authorities unless said. */
  authority?: string;
};

/** Signs in at a lab, over gRPC: `http://host:port`, or `https://host:port` for TLS. */
export async function connect(address: string, options: NodeOptions): Promise<Lab> {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new TypeError(`http://host:port or https://host:port, not ${address}`);
  }
  // A connection that no longer answers is given up.
  const connection = new Http2SessionManager(address, { pingIntervalMs: 20_000 }, { ca: options.authority });
  const wire = createGrpcTransport({ baseUrl: address, sessionManager: connection });
  return Lab.begin(wire, options, () => connection.abort());
}
