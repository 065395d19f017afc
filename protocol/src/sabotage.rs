//! Deliberate defects that the simulator must detect: a checker that cannot detect a planted bug proves nothing.
//!
//! The product calls [`is`] at the line where the defect would occur. Without the feature `sabotage` it is the
//! constant `false`, and the compiler removes the branch; with it, a test arms one defect for its process. Nothing
//! outside the process can arm a defect: no environment variable, file or request.
//!
//! Three expected defects are missing. A mailbox number taken outside the transaction and a job done by two replicas
//! need two concurrent writers, which a simulation on one thread does not have (the store's contract tests and the
//! replica stories test both on PostgreSQL). Parts of a photo that are dropped too early cost only bytes, because the
//! server requests them again.

macro_rules! defects {
    ($($name:ident = $words:literal,)*) => {
        /// One deliberate defect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Defect {
            $(#[doc = $words] $name,)*
        }

        impl Defect {
            /// All defects.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
            /// Describes the wrong behaviour.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
            /// The name of the defect.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

defects! {
    ReceivedWithoutReceipt = "the handset takes a push that got no answer for received",
    ReceiptBeforeCommit = "the server answers although its commit failed",
    HandsetSkipsSync = "the handset's database does not sync the disk",
    AnswerBeforeSync = "the server answers a write before its commit is synced",
    UnsyncedRowsRead = "the server answers a read with rows whose commit is not synced",
    GroupOrderLost = "the answers of a commit overtake the sync of the one before it",
    ServerSkipsSync = "the server's database does not sync the disk",
    PhotoByLength = "the handset takes an uploaded length for the photo's receipt",
    RetryGivesUp = "the handset gives an entry up after three failures",
    TombstoneForgotten = "the handset keeps rows that were removed from its mailbox",
    CursorBeforeRows = "the handset saves the cursor of a pull before its rows",
    PortalBelieved = "the handset takes a push for received that a captive portal answered",
    TooLargeBelieved = "the handset takes a push for received that was refused as too large",
    LaterBelieved = "the handset takes a push for received that the server put off",
    ReceiptOfAnotherPush = "the handset takes the answer to another push, and counts its receipts",
    ReceiptWithoutHash = "the handset takes a receipt for other bytes",
    RowGoneBeforeReceipt = "the handset deletes an entry when it sends it",
    ForgetsAtOnce = "the handset forgets what was received at once",
    SerialisedAgain = "the handset serialises an entry again when it sends it",
    NumberAfterwards = "the handset counts its numbers on in a later transaction",
    NewIdAfterUnknownOutcome = "the handset files again under another id when a commit's outcome is unknown",
    SavedWithoutCommit = "the handset says saved although its commit failed",
    CancelledThoughOffered = "the handset cancels what may have been sent as if it never had been",
    MarkIgnored = "the handset does not compare with what the server says it holds",
    EpochIgnored = "the handset does not notice that the server was restored",
    ResetForgotten = "the handset keeps what it has of a mailbox that starts again",
    DispositionForgotten = "the handset does not take over what became of an entry",
    WaitBelievedAfterClockSetBack = "the handset waits for a time that lies years ahead",
    EnrolmentForgotten = "the handset does not remember an enrolment under way",
    DraftNotSaved = "the handset keeps a draft's new photo in memory",
    DraftGoneBeforeSubmit = "the handset deletes the draft before the entry is saved",
    PhotoReceiptOfAnyHash = "the handset takes the receipt for another photo",
    PhotoFileGoneBeforeReceipt = "the handset cleans up photos whose entry is received",
    PhotoForgottenAtReceipt = "the handset deletes a photo at its receipt",
    PhotoFileNotSynced = "the handset does not sync a photo's file",
    PhotoFolderNotSynced = "the handset does not sync the photo folder",
    ShownReceivedWhenOffered = "the queue shows what was sent as received",
    RejectionHidden = "the queue shows a rejected entry as received",
    RejectionElsewhereHidden = "the queue shows only rejections of what this handset still has",
    SalvageTrustsOldReceipts = "a salvage leaves out what a server held that was restored since",
    SeriesReusedAfterRestore = "a handset put back to an older copy gives numbers a second time",
    WipeBeforeSealing = "the handset forgets before anything is handed over",
    HandoverLeavesOut = "the handset's last handover leaves out an entry",
    ChangeUntold = "the handset tells its observers nothing of a commit",
    DeletionUntold = "the handset tells its observers nothing of rows that a commit deletes",
    CloseLeavesCalls = "the handset's close does not wait for calls in progress",
    CloseLeavesDatabase = "the handset's close leaves its database open",
    ReceiptKeyedById = "the server gives a receipt for other bytes under a held id",
    ConflictOverwrites = "the server replaces held bytes by others that come later",
    AppliedAgainOnResend = "the server applies an entry again when it comes again",
    CustodyLostWithRoom = "the server drops an entry that its room refuses",
    RejectedSilently = "the server tells nobody of a rejection",
    UnsettledUntold = "the server tells only the handset that filed an entry that it was rejected",
    HeldNeverReleased = "the server never releases what waited for another entry",
    NeverSwept = "the server never tries again what is pending",
    HolesHidden = "the server hides the holes in a stream",
    MarkNotKept = "the server does not keep how far a stream reaches",
    MailAfterCommit = "the server writes mail in a second transaction",
    MailboxChangeTwice = "the server gives the last change of a mailbox again",
    LateAnswerApplied = "the server applies an answer to a task that is answered or taken back",
    ParcelReceiptBeforeCommit = "the server answers a parcel although its commit failed",
    ParcelTwice = "an entry that is already decided is put into the review queue again when a parcel contains it",
    MailNumberTwice = "the server gives a mailbox's number twice",
    TombstoneNotWritten = "the server leaves in a mailbox what is gone",
    RowSkipped = "the server leaves out the last row of a pull",
    ResetNotSaid = "the server does not say that a mailbox starts again",
    EpochKept = "the server keeps its epoch when it is restored",
    UploadByLength = "the server takes an upload of the right length for the photo",
    PhotoNotKept = "the server gives a photo's receipt without keeping its bytes",
    OffsetLies = "the server says that more of a photo has arrived than has",
}

/// Runs `$wrong` if the defect is armed and `$also` is true. `return …` and `continue` leave the code around the call,
/// so that a defect takes one line of the product: `planted!(MarkNotKept => return Ok(mark));`
#[macro_export]
macro_rules! planted {
    ($defect:ident $(&& $also:expr)? => $wrong:expr) => {
        if $crate::sabotage::is($crate::sabotage::Defect::$defect) $(&& $also)? {
            $wrong;
        }
    };
}

/// Which defect is armed. The marker lets `cargo xtask symbols` find a build with defects even when its symbols are
/// stripped.
#[cfg(feature = "sabotage")]
struct Armed {
    #[expect(dead_code, reason = "xtask searches the program file for it")]
    marker: [u8; 25],
    defect: std::sync::atomic::AtomicU8,
}

#[cfg(feature = "sabotage")]
static ARMED: Armed = Armed {
    marker: *b"xunge test code: sabotage",
    defect: std::sync::atomic::AtomicU8::new(u8::MAX),
};

/// Arms one defect for the whole process, or none.
#[cfg(feature = "sabotage")]
pub fn arm(defect: Option<Defect>) {
    let number = defect.map_or(u8::MAX, |defect| defect as u8);
    // Uses the whole static, so that the optimiser keeps the marker beside the number.
    let armed = std::hint::black_box(&ARMED);
    armed.defect.store(number, std::sync::atomic::Ordering::SeqCst);
}

/// Returns whether this defect is armed.
#[cfg(feature = "sabotage")]
pub fn is(defect: Defect) -> bool {
    ARMED.defect.load(std::sync::atomic::Ordering::Relaxed) == defect as u8
}

/// Returns whether this defect is armed: always false in a product build.
#[cfg(not(feature = "sabotage"))]
pub const fn is(_: Defect) -> bool {
    false
}
