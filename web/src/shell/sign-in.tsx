import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { Button, Card, Failed } from "../ui/parts";

/** Exchanges the service's key for a cookie that no script can read. */
export function SignIn({ onDone }: { onDone: () => void }) {
  const [key, setKey] = useState("");
  const begin = useMutation({
    mutationFn: () => api.POST("/v1/session", { body: { key } }),
    onSuccess: onDone,
  });
  return (
    <div className="narrow">
      <Card title="This service has a key">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            begin.mutate();
          }}
        >
          <label className="field">
            <span>Key</span>
            <input
              type="password"
              value={key}
              onChange={(event) => setKey(event.target.value)}
              autoComplete="current-password"
              required
            />
          </label>
          {begin.error && <Failed error={begin.error} />}
          <Button kind="main" type="submit" disabled={!key || begin.isPending}>
            Go on
          </Button>
        </form>
      </Card>
    </div>
  );
}
