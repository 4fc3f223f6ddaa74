// Which Python is selected, and which one can run the server.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';

const EXTENSION = 'ms-python.python';
const LONGEST_MS = 15_000; // for an interpreter to say its version

/** What we use of the API that the Python extension exports. */
interface PythonApi {
  environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(environment: { path: string }): Promise<
      { executable: { uri?: vscode.Uri } } | undefined
    >;
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

export interface Python {
  path: string;
  version: string;
}

/** The interpreter selected in the Python extension; undefined where there is none. */
export async function selected(resource?: vscode.Uri): Promise<string | undefined> {
  const environments = (await api())?.environments;
  if (environments === undefined) {
    return undefined;
  }
  const active = environments.getActiveEnvironmentPath(resource);
  const resolved = await environments.resolveEnvironment(active);
  return resolved?.executable.uri?.fsPath;
}

/** Tells when another interpreter is selected in the Python extension. */
export async function onDidSelect(listener: () => void): Promise<vscode.Disposable | undefined> {
  return (await api())?.environments?.onDidChangeActiveEnvironmentPath(listener);
}

/** Whether there is a Python extension to select an interpreter with. */
export function isSelectable(): boolean {
  return vscode.extensions.getExtension(EXTENSION) !== undefined;
}

/**
 * The first Python that can run `launcher`, and why those before it cannot.
 *
 * It is never one out of a workspace that is not trusted.
 */
export async function fit(launcher: string): Promise<{ found?: Python; unfit: string[] }> {
  const unfit: string[] = [];
  for (const candidate of new Set(await candidates())) {
    try {
      return { found: { path: candidate, version: await checked(candidate, launcher) }, unfit };
    } catch (error) {
      unfit.push(`${candidate} (${reason(error)})`);
    }
  }
  return { unfit };
}

async function api(): Promise<PythonApi | undefined> {
  // where nothing is trusted, that extension is not asked to look for interpreters
  const extension = vscode.workspace.isTrusted
    ? vscode.extensions.getExtension<PythonApi>(EXTENSION)
    : undefined;
  return extension?.activate();
}

async function candidates(): Promise<string[]> {
  const found: (string | undefined)[] = [];
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (vscode.workspace.isTrusted) {
    const setting = vscode.workspace.getConfiguration('dladvise', folder).get<string>('interpreter');
    found.push(setting ? inEnvironment(path.resolve(folder?.uri.fsPath ?? '', setting)) : undefined);
    found.push(await selected(folder?.uri));
    for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
      found.push(...['.venv', 'venv'].map((name) => inEnvironment(path.join(uri.fsPath, name))));
    }
  }
  found.push(inEnvironment(process.env['VIRTUAL_ENV']));
  const newest = ['3.14', '3.13', '3.12', '3.11', '3.10'].map((version) => `python${version}`);
  const commands = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python', ...newest];
  found.push(...commands.map(onPath));
  return found.filter((one) => one !== undefined);
}

/** A program, or that of an environment's folder. */
function inEnvironment(place: string | undefined): string | undefined {
  if (!place) {
    return undefined;
  }
  const programs = ['', 'bin/python', 'Scripts/python.exe', 'python.exe'];
  return programs.map((name) => path.join(place, name)).find(isFile);
}

function onPath(command: string): string | undefined {
  const name = process.platform === 'win32' ? `${command}.exe` : command;
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter(path.isAbsolute);
  return folders.map((folder) => path.join(folder, name)).find(isFile);
}

function isFile(place: string): boolean {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The version of a Python that can run the launcher; an error says why it cannot. */
function checked(python: string, launcher: string): Promise<string> {
  const words = ['-I', '-S', launcher, '--check'];
  return new Promise((resolve, reject) => {
    execFile(python, words, { timeout: LONGEST_MS }, (error, stdout, stderr) =>
      error === null ? resolve(stdout.trim()) : reject(stderr.trim() || error.message),
    );
  });
}

function reason(error: unknown): string {
  return String(error).split('\n').at(-1) ?? '';
}
