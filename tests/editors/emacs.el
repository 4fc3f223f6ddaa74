;;; emacs.el --- a user of Emacs with eglot  -*- lexical-binding: t -*-

;; Advice on a script, a quick fix, a measurement, and the end.
;;
;; What is seen goes to $EVENTS, one JSON object a line; $CONFIGURATION is
;; what a user has, $SCRIPT is edited.  Nothing is judged here: sessions.py does.

;;; Code:

(setq native-comp-deferred-compilation nil)
(require 'package)
(package-initialize)
(require 'eglot)
(require 'cl-lib)
(require 'subr-x)

(defconst wait-s 20)
(defconst measure-s 60)

(defvar asked nil "The server's latest question.")
(defvar offered nil "The titles of the latest choice.")
(defvar preferred nil "The title that Return alone would choose.")
(defvar wanted "" "How the title to choose begins.")
(defvar words nil "What the server has told, the latest first.")
(defvar n-published 0 "How often diagnostics have come.")

(defun tell (step &rest seen)
  (let ((event (json-serialize `(:step ,step ,@seen) :null-object nil :false-object :json-false)))
    (write-region (concat event "\n") nil (getenv "EVENTS") t 'silent)))

(defun wait (what is-so &optional seconds)
  (let ((deadline (+ (float-time) (or seconds wait-s))))
    (while (not (funcall is-so))
      (when (< deadline (float-time))
        (error "Waited in vain for %s" what))
      (accept-process-output nil 0.02))))

;; The user's choices

(defun choose-title (prompt titles &optional _predicate _match _initial _history default &rest _)
  (setq offered (mapcar (lambda (one) (if (consp one) (car one) one)) titles)
        preferred default)
  (when (string-match-p "Server reports" prompt)
    (setq asked prompt))
  (or (cl-find-if (lambda (one) (string-prefix-p wanted one)) offered)
      (error "No %s in %S" wanted offered)))

(setq completing-read-function #'choose-title)

;; What the server tells

(cl-defmethod eglot-handle-notification :before
  (_server (_method (eql window/logMessage)) &key message &allow-other-keys)
  (push message words))

(cl-defmethod eglot-handle-notification :before
  (_server (_method (eql window/showMessage)) &key message &allow-other-keys)
  (push message words))

(cl-defmethod eglot-handle-notification :after
  (_server (_method (eql textDocument/publishDiagnostics)) &key &allow-other-keys)
  (cl-incf n-published))

;; What is on the screen

(defun to (text)
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun line-at (text)
  (save-excursion
    (to text)
    (buffer-substring-no-properties (line-beginning-position) (line-end-position))))

(defun problems ()
  (vconcat
   (mapcar
    (lambda (one)
      (let ((start (flymake-diagnostic-beg one)) (end (flymake-diagnostic-end one)))
        (save-excursion
          (goto-char start)
          (list :code (plist-get (cdr (assq 'eglot-lsp-diag (flymake-diagnostic-data one))) :code)
                :line (line-number-at-pos)
                :column (- start (line-beginning-position))
                :text (buffer-substring-no-properties start end)
                :message (flymake-diagnostic-text one)))))
    (flymake-diagnostics))))

(defun has-problem (code)
  (cl-some (lambda (one) (equal code (plist-get one :code))) (problems)))

(defun send ()
  "Tell the server of edits at once: without a terminal Emacs is never idle."
  (eglot--signal-textDocument/didChange))

(defun edited (edit)
  "Call EDIT as one command of the user's."
  (undo-boundary)
  (prog1 (funcall edit)
    (undo-boundary)
    (send)))

(defun undo-edit ()
  (let ((last-command nil))
    (edited (lambda () (undo)))))

(defun choose (title text)
  "The line of TEXT after the code action TITLE."
  (setq wanted title offered nil)
  (to text)
  (let ((last-nonmenu-event ?x))  ; by a key, not in a menu
    (edited (lambda () (eglot-code-actions (point) (point) nil t))))
  (buffer-substring-no-properties (line-beginning-position) (line-end-position)))

(defun hovered (text)
  (to text)
  (let (shown)
    (eglot-hover-eldoc-function (lambda (words &rest _) (setq shown (or words shown))))
    (wait "a hover" (lambda () shown))
    (substring-no-properties shown)))

;; Measurements

(defun execute (command arguments &optional answered)
  (jsonrpc-async-request
   (eglot-current-server) :workspace/executeCommand
   (list :command command :arguments arguments)
   :success-fn (or answered #'ignore)
   :error-fn (lambda (problem) (error "%s failed: %S" command problem))
   :timeout measure-s))

(defun uri ()
  (plist-get (eglot--TextDocumentIdentifier) :uri))

(defun measure (answered)
  (setq wanted "Run" words nil)
  (save-excursion
    (to "DataLoader(ds")
    (execute "dladvise.probe" (vector (uri) (eglot--pos-to-lsp-position)) answered)))

(defun is-told (part)
  (lambda () (cl-some (lambda (one) (string-match-p part one)) words)))

(defun told ()
  (vconcat (reverse words)))

(defun session ()
  (load (getenv "CONFIGURATION") nil t)
  (setq-default eglot-workspace-configuration
                `((:dladvise . (:interpreter ,(getenv "PYTHON") :probe (:seconds 6)))))
  (setq eglot-sync-connect wait-s)
  (find-file (getenv "SCRIPT"))
  (apply #'eglot (eglot--guess-contact))
  (switch-to-buffer (current-buffer))
  (wait "DL003" (lambda () (flymake-start) (has-problem "DL003")))
  (tell "opened" :problems (problems))

  (let ((fixed (choose "Remove persistent_workers" "persistent_workers")))
    (wait "the problem to go" (lambda () (seq-empty-p (problems))))
    (tell "fixed" :line fixed :preferred preferred))
  (undo-edit)
  (wait "the problem to come back" (lambda () (has-problem "DL003")))
  (tell "undone" :line (line-at "DataLoader(ds") :problems (problems))

  (let ((n-before n-published))
    (to "class Slow")
    (edited (lambda () (insert "weights = max(0.1, \n")))
    (wait "the broken text to be read" (lambda () (< n-before n-published)))
    (tell "typed" :line (line-at "weights = max") :problems (problems)))
  (undo-edit)

  (choose "Remove persistent_workers" "persistent_workers")
  (tell "hovered" :text (hovered "DataLoader(ds"))

  (let (result)
    (measure (lambda (answer) (setq result answer)))
    (wait "the result of a measurement" (lambda () result) measure-s)
    (wait "what was measured" (lambda () (has-problem "measured")))
    (tell "measured" :asked asked :answers (vconcat offered) :told (told)
          :result result :problems (problems)))
  (let ((line (choose "Write the measured " "DataLoader(ds")))
    (tell "written" :line line :offered (vconcat offered)))

  (to "0.005")
  (edited (lambda () (replace-match "0.006")))
  (let (result)
    (measure (lambda (answer) (setq result answer)))
    (wait "a second measurement" (is-told "num_workers=0") measure-s)
    (execute "dladvise.cancelProbe" (vector (uri)))
    (wait "its end" (lambda () result))
    (tell "cancelled" :result result :told (told)))

  (measure #'ignore)
  (wait "workers" (is-told "num_workers=1") measure-s)
  (tell "measuring")
  (let ((seen (concat (getenv "EVENTS") ".seen")))
    (wait "somebody to look" (lambda () (file-exists-p seen)))))

(condition-case problem
    (session)
  (error
   (tell "failed" :why (error-message-string problem) :problems (problems) :told (told))
   (kill-emacs 1)))
(set-buffer-modified-p nil)
(kill-emacs 0)
