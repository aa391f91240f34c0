/**
 * Builds every image that a cluster of this project runs: the operator and the services from their own Dockerfiles, and
 * the stores. Where a Docker engine runs, Docker builds and the stores are the official images; elsewhere buildah builds
 * and stand-ins of the stores are made of Debian's packages.
 */
import type { Images, Report } from './image-set.ts';
import { buildWithBuildah } from './with-buildah.ts';
import { buildWithDocker, dockerEngineRuns } from './with-docker.ts';

/**
 * Gives the images, building those whose content changed; a second call without changes takes about a second.
 * Throws CLUSTER_PACKAGE_MISSING when a tool is missing and cannot be installed, CLUSTER_COMMAND_FAILED when a build fails.
 */
export async function buildImages(report: Report): Promise<Images> {
  return (await dockerEngineRuns()) ? buildWithDocker(report) : buildWithBuildah(report);
}
