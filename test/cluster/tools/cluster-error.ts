/**
 * Everything the local cluster and its tools can fail with, and what the reader should do about it.
 */
const clusterErrorCodes = {
  CLUSTER_GO_MISSING: 'Go is not installed, and the tools of the cluster are built from Go modules',
  CLUSTER_GO_TOO_OLD: 'the installed Go is older than the modules ask for',
  CLUSTER_TOOL_BUILD_FAILED: 'a tool did not build',
  CLUSTER_NOT_LINUX_ROOT: 'the local cluster needs Linux and root',
  CLUSTER_PACKAGE_MISSING: 'a package of the system is missing and could not be installed',
  CLUSTER_COMMAND_FAILED: 'a command of the system failed',
  CLUSTER_PART_FAILED: 'a part of the cluster ended or did not become ready in time',
  CLUSTER_PART_STUCK: 'a part of the cluster did not stop in time',
  CLUSTER_LEFTOVER: 'something of the cluster was left behind after it was stopped',
} as const;

export type ClusterErrorCode = keyof typeof clusterErrorCodes;

/** A failure with a code to search for and a sentence that says what happened and what to do. */
export class ClusterError extends Error {
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${clusterErrorCodes[code]}. ${detail}`, options);
    this.name = 'ClusterError';
    this.code = code;
  }
}
