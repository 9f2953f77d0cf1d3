#!/usr/bin/env -S node --enable-source-maps
import { otaNode } from '../lib/cli/index.ts'

await otaNode()
