;;; dladvise.el --- dladvise in Emacs, by eglot  -*- lexical-binding: t -*-

;; In your init file, or loaded from it.  M-x eglot starts the server in a Python buffer;
;; (add-hook 'python-mode-hook #'eglot-ensure) does so for each.

;;; Code:

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((python-mode python-ts-mode) . ("dladvise" "server"))))

(provide 'dladvise)
;;; dladvise.el ends here
