;; A session of Emacs's dap-mode with a guest: breakpoint, stop, stack, a variable, one line, the end.
;;
;; From the environment: RINGSIDE_KERNEL, RINGSIDE_SOURCE and RINGSIDE_LINE; then either
;; RINGSIDE_PORT, where an adapter listens, or RINGSIDE_PROGRAM, which is run by RINGSIDE_NODE.
;; What is found is printed, a fact a line; RINGSIDE_FOLDER takes what Emacs wants to keep.

(setq user-emacs-directory (file-name-as-directory (getenv "RINGSIDE_FOLDER")))
(package-initialize)
(setq dap-auto-configure-features nil
      dap-breakpoints-file (expand-file-name "breakpoints" user-emacs-directory)
      lsp-session-file (expand-file-name "session" user-emacs-directory)
      lsp-enable-file-watchers nil)
(require 'dap-mode)
(setq debug-on-error nil)
;; Which filters the user has chosen; dap-mode 0.7 reads it, its windows (dap-ui) declare it.
(defvar dap-exception-breakpoints nil)

(defvar ringside-stops 0)
(defvar ringside-is-over nil)
(add-hook 'dap-stopped-hook (lambda (_session) (setq ringside-stops (1+ ringside-stops))))
(add-hook 'dap-terminated-hook (lambda (_session) (setq ringside-is-over t)))

(defun ringside-wait (what is-there)
  "Lets messages come until IS-THERE holds; an error that names WHAT after a minute."
  (let ((end (+ (float-time) 60)))
    (while (not (funcall is-there))
      (when (> (float-time) end) (error "no %s" what))
      (accept-process-output nil 0.05))))

(defun ringside-frame ()
  "The frame that dap-mode shows."
  (let ((session (dap--cur-session)))
    (and session (dap--debug-session-active-frame session))))

(defun ringside-ask (command arguments)
  "The body of the adapter's answer to COMMAND."
  (let (answer (session (dap--cur-session)))
    (dap--send-message (dap--make-request command arguments)
                       (lambda (response) (setq answer response))
                       session)
    (ringside-wait command (lambda () answer))
    (gethash "body" answer)))

(dap-register-debug-provider
 "ringside"
 (lambda (configuration)
   (let ((port (getenv "RINGSIDE_PORT")))
     (if port
         (plist-put (plist-put configuration :debugServer (string-to-number port))
                    :host "127.0.0.1")
       (plist-put configuration :dap-server-path
                  (list (getenv "RINGSIDE_NODE") (getenv "RINGSIDE_PROGRAM") "dap"))))))

(condition-case trouble
    (progn
      (find-file (getenv "RINGSIDE_SOURCE"))
      (goto-char (point-min))
      (forward-line (1- (string-to-number (getenv "RINGSIDE_LINE"))))
      (lsp-workspace-folders-add (file-name-directory (getenv "RINGSIDE_SOURCE")))
      (dap-mode 1)
      (dap-breakpoint-add)
      (dap-debug (list :type "ringside" :request "launch" :name "guest"
                       :kernel (getenv "RINGSIDE_KERNEL")))
      (ringside-wait "first stop" (lambda () (and (= ringside-stops 1) (ringside-frame))))
      (princ (format "stopped in %s at line %s\n"
                     (gethash "name" (ringside-frame)) (gethash "line" (ringside-frame))))
      (princ (format "masked_port is %s\n"
                     (gethash "result"
                              (ringside-ask "evaluate"
                                            (list :expression "masked_port" :context "watch"
                                                  :frameId (gethash "id" (ringside-frame)))))))
      (dap-next (dap--cur-session))
      (ringside-wait "second stop" (lambda () (= ringside-stops 2)))
      (ringside-wait "second frame" #'ringside-frame)
      (princ (format "then line %s\n" (gethash "line" (ringside-frame))))
      (dap-breakpoint-delete-all)
      (dap-continue (dap--cur-session) (dap--debug-session-thread-id (dap--cur-session)))
      (ringside-wait "end" (lambda () ringside-is-over))
      (princ "ended\n")
      (kill-emacs 0))
  (error (princ (format "%S\n" trouble)) (kill-emacs 1)))
