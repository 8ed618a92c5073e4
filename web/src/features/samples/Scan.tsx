import { Code, ConnectError } from "@connectrpc/connect";
import { Anchor, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { m } from "../../gen/words/messages";
import { failure } from "../../rpc/failure";
import { rpc } from "../../rpc/transport";
import { wordsOf } from "../../ui/reasons";

/** Where a hand scanner types: it ends each code with Enter, and the sample is there. */
export function Scan() {
  const [code, setCode] = useState("");
  const navigate = useNavigate();
  const find = useMutation({
    mutationFn: (barcode: string) => rpc.samples.getSampleByBarcode({ barcode }),
    onSuccess: ({ sample }) => sample && navigate({ to: "/samples/$id", params: { id: sample.id } }),
  });
  const unknown = find.error instanceof ConnectError && find.error.code === Code.NotFound;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (code.trim()) find.mutate(code.trim());
      }}
    >
      <TextInput
        aria-label={m.samples_scan_a_barcode()}
        placeholder={m.samples_scan_a_barcode()}
        autoFocus
        value={code}
        onChange={(event) => {
          setCode(event.currentTarget.value);
          find.reset();
        }}
        error={
          find.error ? (
            <Text span size="xs">
              {unknown ? m.samples_no_sample_has_this_barcode() : wordsOf(failure(find.error).reason).title}{" "}
              {unknown && (
                <Anchor
                  size="xs"
                  renderRoot={(props) => <Link to="/samples/new" search={{ barcode: code.trim() }} {...props} />}
                >
                  {m.samples_register_it()}
                </Anchor>
              )}
            </Text>
          ) : undefined
        }
      />
    </form>
  );
}
