// The interactive page of the API: whoever is signed in to the web app in this browser calls with that session; anybody
// else signs in by POST /api/v1/auth/login, or under Authorize.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle";
import { m } from "../gen/words/messages";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";
import { session } from "../rpc/session";

function tell(text: string, link?: string): void {
  const place = document.getElementById("person");
  if (!place) return;
  place.textContent = text;
  if (!link) return;
  const anchor = document.createElement("a");
  anchor.href = "/";
  anchor.textContent = link;
  place.append(" ", anchor);
}

session.refresh().then(
  () => tell(m.docs_calls_go_out_with_your_session()),
  () => tell(m.docs_you_are_not_signed_in(), m.docs_sign_in()),
);

SwaggerUI({
  url: "/openapi.json",
  domNode: document.getElementById("api"),
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: async (request: { url: string; headers: Record<string, string> }) => {
    const own = Object.keys(request.headers).some((name) => name.toLowerCase() === "authorization");
    if (!own && session.state === "in" && !request.url.endsWith("/openapi.json"))
      request.headers.authorization = `Bearer ${await session.token()}`;
    return request;
  },
});
