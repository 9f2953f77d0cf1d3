#!/usr/bin/env -S node --enable-source-maps
import { otaPublish } from '../lib/cli/index.ts'

await otaPublish()
