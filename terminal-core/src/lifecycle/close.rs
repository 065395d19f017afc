//! Closing a handset: after it, nothing of it is open.

use crate::terminal::Terminal;

impl Terminal {
    /// Ends the use of this handset (关闭). New calls get `terminal.closed`; calls in progress are cancelled and waited
    /// for, except those of this thread. Then files, locks, connections and the network thread are released, and
    /// change feeds end. Drafts and other clones of this handle may be kept and dropped later; they hold nothing open.
    /// A second call does nothing.
    pub fn close(&self) {
        self.calls().close();
        self.store().close();
        self.forget_connections();
    }
}
