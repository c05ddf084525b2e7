// The certified OpenID provider of Node for the tests: USERS, CLIENT and CALLBACK come in the
// environment, the address that it listens on goes out on the first line.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const users = JSON.parse(process.env.USERS);
const client = JSON.parse(process.env.CLIENT);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ ...client, response_types: ['code'], grant_types: ['authorization_code'] }],
    claims: { email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['only for tests'] },
    ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
    findAccount: (_, sub) => users[sub] && {
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, ...users[sub] }),
    },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
