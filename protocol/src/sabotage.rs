//! Deliberate defects that the simulator must catch: a judge who never says "guilty" proves nothing.
//!
//! A line of the product asks [`is`] at the place where the defect would be made. Without the feature `sabotage`
//! that is the constant `false` and the line is no code at all; with it, a test arms one defect for its process.
//! Nothing outside reads it: no environment, no file, no request.

macro_rules! defects {
    ($($name:ident = $words:literal,)*) => {
        /// One deliberate defect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Defect {
            $(#[doc = $words] $name,)*
        }

        impl Defect {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
            /// What is done wrong.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
            /// Its name.
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
    ServerSkipsSync = "the server's database does not sync the disk",
    PhotoByLength = "the handset takes an uploaded length for the photo's receipt",
    RetryGivesUp = "the handset gives an entry up after three failures",
    TombstoneForgotten = "the handset keeps rows that were removed from its mailbox",
    CursorBeforeRows = "the handset saves the cursor of a pull before its rows",
}

#[cfg(feature = "sabotage")]
static ARMED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(u8::MAX);

/// Arms one defect for the whole process, or none.
#[cfg(feature = "sabotage")]
pub fn arm(defect: Option<Defect>) {
    let number = defect.map_or(u8::MAX, |defect| defect as u8);
    ARMED.store(number, std::sync::atomic::Ordering::SeqCst);
}

/// Whether this defect is armed.
#[cfg(feature = "sabotage")]
pub fn is(defect: Defect) -> bool {
    ARMED.load(std::sync::atomic::Ordering::Relaxed) == defect as u8
}

/// Whether this defect is armed: never, in a product.
#[cfg(not(feature = "sabotage"))]
pub const fn is(_: Defect) -> bool {
    false
}
