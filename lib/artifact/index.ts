/**
 * A tree and its bytes: the manifest and its digest, the rules of paths and links, chunks, the
 * blocks and the key of a tree core, packing a folder and making it again, strictly. It sees files
 * through the `Disk` it is handed and knows no hypercore, no peers and nothing of who signed what.
 */
export { CoreHasher, leafHash } from './corekey.ts'
export { encoderId, packBytes } from './encoder.ts'
export { decodeHead, readHead, type Head } from './head.ts'
export { bytesOf, decodeManifest, encodeManifest, treeDigest } from './manifest.ts'
export type { Manifest, TreeEntry } from './manifest.ts'
export { packTree, type Pack } from './pack.ts'
export { scanTree } from './scan.ts'
export { unpackTree, type UnpackOptions } from './unpack.ts'
export { verifyTree, type Expected } from './verify.ts'
