// The signed-in person and what the role may do. The server decides; this only spares people the refusal.
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { GetCurrentUserResponse } from "../gen/spectra/auth/v1/auth_service_pb";
import { access } from "../gen/spectra/common/v1/options_pb";
import { rpc } from "./transport";

const key = ["me"];

/** Who it is, or was last, as far as the page knows. */
export function useKnownMe(): GetCurrentUserResponse | undefined {
  return useQueryClient().getQueryData<GetCurrentUserResponse>(key);
}

export function useMe() {
  return useQuery({ queryKey: key, queryFn: () => rpc.auth.getCurrentUser({}), staleTime: 60_000 });
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
