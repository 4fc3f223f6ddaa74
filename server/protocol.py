"""pygls' protocol, mended where it loses, leaks or dies.

Every handler here is a plain function, for what is quick, or a coroutine, which pygls can
cancel. The documents are our own: pygls' split lines where the protocol has no line end.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method

if TYPE_CHECKING:
    from .language_server import Server


class Protocol(LanguageServerProtocol):
    """Speaks to one client; `exit_status` is what the process ends with after `exit`."""

    _server: Server

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.exit_status: int | None = None
        self._initialized = False

    # What comes in

    def receive(self, body: bytes) -> None:
        """Handle the body of one message; whatever it is, nothing is raised."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(None, lsp.ErrorCodes.ParseError, "this is not JSON")
            return
        for one in message if isinstance(message, list) else [message]:
            self._receive_one(one)

    def _receive_one(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(None, lsp.ErrorCodes.InvalidRequest, "this is no JSON-RPC 2.0 message")
            return
        method, id_ = message.get("method"), message.get("id")
        if method is not None and (reason := self._unwelcome(method)) is not None:
            if id_ is not None:
                self._refuse(id_, *reason)
            return
        try:
            structured = self.structure_message(message)
        except Exception as error:
            if method is not None and id_ is not None:
                words = f"the parameters of {method} cannot be read"
                self._refuse(id_, lsp.ErrorCodes.InvalidParams, words)
            else:
                self._server.log(f"ignored a message that cannot be read ({method}): {error!r}")
            return
        try:
            self.handle_message(structured)
        except Exception as error:  # a mistake of ours must not end the server
            self._server.log(f"{method}: {error!r}")

    def _unwelcome(self, method: str) -> tuple[lsp.ErrorCodes, str] | None:
        """Why this method cannot be called now; None where it can."""
        if self._shutdown and method != lsp.EXIT:
            return lsp.ErrorCodes.InvalidRequest, "the server was asked to shut down"
        if not self._initialized:
            if method == lsp.INITIALIZE:
                self._initialized = True
            elif method != lsp.EXIT:
                return lsp.ErrorCodes.ServerNotInitialized, "initialize comes first"
        elif method == lsp.INITIALIZE:
            return lsp.ErrorCodes.InvalidRequest, "the server is initialized already"
        return None

    def _refuse(self, id_: Any, code: lsp.ErrorCodes, words: str) -> None:
        self._send_data(
            {"jsonrpc": self.VERSION, "id": id_, "error": {"code": code.value, "message": words}}
        )

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        future = self._request_futures.pop(msg_id, None)
        if future is None or future.done():
            return  # whoever asked has gone
        if error is not None:
            future.set_exception(JsonRpcException.from_error(error))
        else:
            future.set_result(result)

    def _check_handler_result(self, future: Future[Any]) -> None:
        for key in [key for key, one in self._request_futures.items() if one is future]:
            del self._request_futures[key]  # pygls keeps one for every notification
        super()._check_handler_result(future)

    # From the start to the end

    @lsp_method(lsp.SHUTDOWN)
    async def lsp_shutdown(self, *args: Any) -> None:  # type: ignore[override]
        self._shutdown = True
        for key, future in list(self._request_futures.items()):
            if key != self.msg_id and not future.done():
                future.cancel()
        await self._server.stop()

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        self.exit_status = 0 if self._shutdown else 1

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]
        self, params: lsp.ExecuteCommandParams
    ) -> Any:
        """Call the command's handler with its arguments, as a task that can be cancelled."""
        handler = self.fm.commands.get(params.command)
        if handler is None:
            words = f"there is no command {params.command}"
            raise JsonRpcException(words, code=lsp.ErrorCodes.InvalidParams.value)
        return await handler(list(params.arguments or ()), params.work_done_token)

    # Documents: nothing but our own handlers

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._server.opened(params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._server.changed(params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._server.closed(params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        self._server.notebook_opened(params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(
        self, params: lsp.DidChangeNotebookDocumentParams
    ) -> None:
        self._server.notebook_changed(params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        self._server.notebook_closed(params)

    @lsp_method(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(
        self, params: lsp.DidChangeWorkspaceFoldersParams
    ) -> None:
        self._server.folders_changed(params)

    @lsp_method(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> None:
        self._server.probes.cancel_token(params.token)
