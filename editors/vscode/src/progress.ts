// Measurements as notifications with Cancel.
//
// The client library shows the progress of servers in the status bar, where there is no Cancel.
// A measurement runs the user's script: it must be seen, and it must be possible to end it.

import * as vscode from 'vscode';
import type { Middleware, ProgressToken } from 'vscode-languageclient/node';

interface Shown {
  report: vscode.Progress<{ message?: string; increment?: number }>;
  percentage: number;
  close: () => void;
}

export class Progress {
  private readonly shown = new Map<ProgressToken, Shown>();

  constructor(private readonly cancel: (token: ProgressToken) => void) {}

  readonly told: Middleware['handleWorkDoneProgress'] = (token, value, next) => {
    const shown = this.shown.get(token);
    if (value.kind === 'begin' && value.cancellable) {
      this.open(token, value.title, value.message);
    } else if (shown === undefined || value.kind === 'begin') {
      next(token, value);
    } else if (value.kind === 'end') {
      this.close(token, shown);
    } else {
      const percentage = value.percentage ?? shown.percentage;
      const increment = Math.max(0, percentage - shown.percentage);
      shown.report.report({ message: value.message, increment });
      shown.percentage = percentage;
    }
  };

  /** Close everything: the server that would do so is gone. */
  closeAll(): void {
    for (const [token, shown] of this.shown) {
      this.close(token, shown);
    }
  }

  private open(token: ProgressToken, title: string, message?: string): void {
    const location = vscode.ProgressLocation.Notification;
    void vscode.window.withProgress({ location, title, cancellable: true }, (report, cancelled) => {
      cancelled.onCancellationRequested(() => this.cancel(token));
      report.report({ message });
      return new Promise<void>((close) => {
        this.shown.set(token, { report, percentage: 0, close });
        this.tell();
      });
    });
  }

  private close(token: ProgressToken, shown: Shown): void {
    this.shown.delete(token);
    shown.close();
    this.tell();
  }

  private tell(): void {
    void vscode.commands.executeCommand('setContext', 'dladvise.measuring', this.shown.size > 0);
  }
}
