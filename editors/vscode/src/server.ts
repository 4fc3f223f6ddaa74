// The language server: how it is found, started, and started again.

import * as path from 'node:path';
import * as vscode from 'vscode';
import {
  DidChangeConfigurationNotification,
  type DocumentSelector,
  ErrorAction,
  type Executable,
  LanguageClient,
  type Middleware,
  RevealOutputChannelOn,
  State,
  WorkDoneProgressCancelNotification,
} from 'vscode-languageclient/node';
import { Progress } from './progress';
import { fit, isSelectable } from './python';
import { SECTION, settings } from './settings';
import { Status } from './status';

export const SELECTOR: DocumentSelector = [
  { scheme: 'file', language: 'python' },
  { scheme: 'untitled', language: 'python' },
  { notebook: 'jupyter-notebook', language: 'python' },
];

/** What is run, and the words for it. */
interface Command {
  executable: Executable;
  words: string;
}

export class Server implements vscode.Disposable {
  readonly output = vscode.window.createOutputChannel('dladvise', { log: true });
  client: LanguageClient | undefined;
  private readonly trace = vscode.window.createOutputChannel('dladvise Trace', { log: true });
  private readonly status = new Status(SELECTOR);
  private readonly progress = new Progress((token) => {
    void this.client?.sendNotification(WorkDoneProgressCancelNotification.type, { token });
  });
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly launcher: string,
    private readonly executed: Middleware['executeCommand'],
  ) {}

  /** Start it, anew where it runs. */
  restart(): Promise<void> {
    this.last = this.last.then(() => this.stopped()).then(() => this.started());
    return this.last;
  }

  stop(): Promise<void> {
    this.last = this.last.then(() => this.stopped());
    return this.last;
  }

  /** Something changed that its settings depend on; one that could not start has another try. */
  async changed(): Promise<void> {
    await this.last;
    if (this.client === undefined) {
      await this.restart();
    } else {
      await this.client.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
    }
  }

  dispose(): void {
    for (const one of [this.status, this.output, this.trace]) {
      one.dispose();
    }
  }

  private async stopped(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.progress.closeAll();
    await client?.dispose().catch((error) => this.output.error(`it did not end in order: ${error}`));
  }

  private async started(): Promise<void> {
    this.status.starting();
    const command = await this.command();
    if (command === undefined) {
      return;
    }
    this.output.info(`starting ${command.words}`);
    const client: LanguageClient = new LanguageClient(SECTION, 'dladvise', command.executable, {
      documentSelector: SELECTOR,
      outputChannel: this.output,
      traceOutputChannel: this.trace,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: await settings(),
      errorHandler: {
        // a server that is gone cannot be written to: that it has closed says what to do
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => usual.closed(),
      },
      middleware: {
        executeCommand: this.executed,
        handleWorkDoneProgress: this.progress.told,
        workspace: {
          configuration: ({ items }) =>
            Promise.all(
              items.map(({ section, scopeUri }) =>
                section === SECTION ? settings(scopeUri ? vscode.Uri.parse(scopeUri) : undefined) : null,
              ),
            ),
        },
      },
    });
    const usual = client.createDefaultErrorHandler();
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) {
        this.status.running(client.initializeResult?.serverInfo?.version ?? '', command.words);
      } else if (newState === State.Starting) {
        this.status.starting();
      } else {
        this.progress.closeAll();
        this.status.stopped('the output says why');
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.output.error(`it did not start: ${error}`);
    }
  }

  /** That of the setting, else the bundled one; where nothing can run it, the user is told. */
  private async command(): Promise<Command | undefined> {
    const installed = vscode.workspace.getConfiguration(SECTION).get<string>('path');
    if (installed) {
      return { executable: { command: installed, args: ['server'] }, words: installed };
    }
    const { found, unfit } = await fit(this.launcher);
    unfit.forEach((why) => this.output.info(`not with ${why}`));
    if (found === undefined) {
      this.status.stopped('no Python that can run it');
      void this.tellNoPython(unfit);
      return undefined;
    }
    // without the packages, variables and start-up files of that Python: it is only borrowed
    const args = ['-I', '-S', '-X', 'utf8', this.launcher];
    return {
      executable: { command: found.path, args },
      words: `with Python ${found.version} (${found.path})`,
    };
  }

  private async tellNoPython(unfit: string[]): Promise<void> {
    const select = isSelectable() ? 'Select Interpreter' : 'Open Settings';
    const found = unfit.length > 0 ? `only ${unfit.join(', ')}` : 'none';
    const words = `dladvise needs Python 3.10 or newer to run, and has found ${found}.`;
    if ((await vscode.window.showErrorMessage(words, select)) === undefined) {
      return;
    }
    if (isSelectable()) {
      await vscode.commands.executeCommand('python.setInterpreter');
    } else {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'dladvise.interpreter');
    }
  }
}

/** Where the script that runs the bundled server lies. */
export function launcherIn(extension: string): string {
  return path.join(extension, 'bundled', 'server.py');
}
