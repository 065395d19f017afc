//! Classes of error codes: how a program reacts to a code.

/// The class of an error code. Both ends decide by class where several codes are handled alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemClass {
    /// The server cannot do this now. The same request succeeds later.
    RetryLater,
    /// The token or challenge is missing or no longer valid, or the server does not know the stream. The client
    /// gets a new token, with its certificate if need be, and repeats the request.
    Authenticate,
    /// The request is too large. The client sends less at once.
    Split,
    /// The server refuses the sender, whatever the request contains: no item is at fault.
    SenderRefused,
    /// The stream has ended. The handset seals what is pending, hands it over, and for `terminal.wipe` removes its
    /// data.
    StreamEnded,
    /// The server refuses the content: a person has to change it. See [`Recovery::Refused`].
    Refused,
    /// One end is older than the other. The request succeeds after an upgrade.
    Version,
    /// A person at the centre decides about the entry (转人工核对). The author does not need to act.
    Review,
    /// The entry waits for another one, or for the server to try again. Nobody needs to act.
    Waiting,
    /// The entry has no effect any more, or never had one, and nothing remains to be done.
    Settled,
    /// No answer came, or one that is not from the server. The handset tries again.
    Network,
    /// The worker's settings, the battery or the data budget delay a transfer.
    HeldBack,
    /// The worker has to change the input.
    Input,
    /// A failure of the handset: storage, keys, or stored data.
    Device,
}

/// How a client handles a request that was answered with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Wait, then send the same request again.
    Retry,
    /// Get a new token, then send the same request again.
    Authenticate,
    /// Make the request smaller, then send it again.
    Split,
    /// A person or a newer program has to change something. A handset whose stream is active repeats the unchanged
    /// request all the same, because it gives nothing up: after a random wait, whose upper bound grows from 10 minutes
    /// to one day. An entry that the answer to a push refused ([`crate::push::PushAnswer::refused`]) is not sent again
    /// before the server has a new epoch.
    Refused,
}

impl ProblemClass {
    /// Returns how a client handles a request that was answered with a problem of this class.
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::RetryLater | Self::Network | Self::HeldBack | Self::Waiting => Recovery::Retry,
            Self::Authenticate => Recovery::Authenticate,
            Self::Split => Recovery::Split,
            Self::SenderRefused
            | Self::StreamEnded
            | Self::Refused
            | Self::Version
            | Self::Review
            | Self::Settled
            | Self::Input
            | Self::Device => Recovery::Refused,
        }
    }
    /// Returns true if the problem concerns the sender (its session, token or stream) and not the content of the
    /// request.
    pub const fn concerns_sender(self) -> bool {
        match self {
            Self::Authenticate | Self::SenderRefused | Self::StreamEnded => true,
            Self::RetryLater
            | Self::Split
            | Self::Refused
            | Self::Version
            | Self::Review
            | Self::Waiting
            | Self::Settled
            | Self::Network
            | Self::HeldBack
            | Self::Input
            | Self::Device => false,
        }
    }
}
