// SPDX-License-Identifier: BSD-3-Clause
//
// Debian's Chromium without anything that would reach for a network by itself.
import { require } from './support.mjs';

export const { chromium } = require('playwright-core');

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export const OPTIONS = {
  executablePath: process.env.EDB_CHROMIUM ?? '/usr/bin/chromium',
  args: FLAGS,
};

export const openChromium = () => chromium.launch(OPTIONS);
