// The signed-in person and what the role may do. The server decides; this only spares people the refusal.
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { useQuery } from "@tanstack/react-query";
import { access } from "../gen/spectra/common/v1/options_pb";
import { rpc } from "./transport";

export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => rpc.auth.getCurrentUser({}), staleTime: 60_000 });
}

/** Whether the role may. Until it is known: no. */
export function useCan(): (permission: string) => boolean {
  const { data } = useMe();
  return (permission) => data?.permissions.includes(permission) ?? false;
}

/** The permission that the contract asks of whoever calls the method. */
export function permissionOf(method: DescMethod): string {
  const { rule } = getOption(method, access);
  if (rule.case !== "permission") throw new Error(`${method.name} asks for no permission`);
  return rule.value;
}
