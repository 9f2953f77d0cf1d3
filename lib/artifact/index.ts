/**
 * A tree and its bytes: the manifest and its digest, the rules of paths and links, chunks, the
 * blocks and the key of a tree core, packing a folder and making it again, strictly. It sees files
 * through the `Disk` it is handed and knows no hypercore, no peers and nothing of who signed what.
 */
export { CoreHasher, leafHash, parentOf, type TreeNode } from './corekey.ts'
export { packBytes } from './encoder.ts'
export { decodeHead, readHead } from './head.ts'
export { bytesOf, decodeManifest, encodeManifest, treeDigest } from './manifest.ts'
export type { Manifest, TreeEntry } from './manifest.ts'
export { packTree, type Pack } from './pack.ts'
export { hashFile, scanTree } from './scan.ts'
export { unpackTree, type UnpackOptions } from './unpack.ts'
export { verifyTree } from './verify.ts'
export { makePatch, type Patch, type TreeAt } from './patch/make.ts'
export { unpackPatch, type PatchBytes, type PatchOptions } from './unpack-patch.ts'
export { decodeIndex, encodeIndex, routeBlockBytes, type IndexItem } from './patch/core-index.ts'
export {
  basesMax,
  packPatches,
  type BaseCost,
  type PackStep,
  type PatchPack,
  type PatchPackOptions
} from './patch/core.ts'
export { readBlockFile, writeBlockFile, type BlockFile } from './block-file.ts'
export { workHere, type TreeToPack, type TreeWork } from './work.ts'
export { chainMax, routesOf, type Route, type Step } from './route.ts'
