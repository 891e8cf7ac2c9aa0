// An OpenID provider with the library's own forms for trying out: any password is right.
import { createServer } from "node:http";
import { once } from "node:events";

import Provider from "oidc-provider";

const settings = JSON.parse(process.env.OIDC_PROVIDER);

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: settings.jwks,
  cookies: { keys: [settings.cookieKey] },
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: settings.groupsInUserinfo,
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  async findAccount(_, id) {
    return {
      accountId: id,
      claims: async () => ({
        sub: id,
        preferred_username: `${id}@example.com`,
        groups: settings.groups[id] ?? [],
      }),
    };
  },
});

provider.on("server_error", (_, error) => console.error(error));

const server = createServer(provider.callback());
server.listen(settings.port, "127.0.0.1");
await once(server, "listening");
console.log("ready");
