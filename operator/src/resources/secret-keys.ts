/** Keys of the generated Secrets: passwords, and base64 of what signs consistency tokens. */
export const secretKeys = {
  postgres: 'postgres-password',
  command: 'command-password',
  relay: 'relay-password',
  redis: 'redis-password',
  token: 'token-key',
  /** Only there while people replace the key: they put it, and we never write it. */
  previousToken: 'previous-token-key',
} as const;

/** Passwords of the embedded Postgres: its superuser's and those of the two roles of ours. */
export type PostgresPasswords = {
  readonly postgres: string;
  readonly command: string;
  readonly relay: string;
};

export type RedisPasswords = { readonly redis: string };
