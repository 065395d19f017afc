//! What IP, TCP, TLS and HTTP/2 add to the bytes that the handset sends and receives.
//!
//! The operating system shows a program only the payload, but the operator charges IP packets (SP-12). The
//! estimate rather counts too much: IPv6, which Chinese mobile networks use, and no merged acknowledgements
//! beyond every second segment. Sources: IPv6 header 40 bytes (RFC 8200), TCP header 20 (RFC 9293) with
//! timestamps 12 (RFC 7323), one acknowledgement for every second segment (RFC 9293, 3.8.6.3), TLS 1.3 record
//! 5 + 1 + 16 (RFC 8446, 5.2), HTTP/2 frame 9 (RFC 9113, 4.1).

use crate::transport::request::Traffic;

/// Headers of one packet in bytes: IPv6 and TCP with timestamps. An acknowledgement is such a packet.
const PACKET: u64 = 40 + 20 + 12;

/// What TLS and HTTP/2 add to the payload of one packet, in bytes.
const RECORD: u64 = 5 + 1 + 16 + 9;

/// Payload of one packet in bytes, for an IPv6 path of 1,420 bytes (tunnels of mobile networks included).
const PAYLOAD: u64 = 1_420 - PACKET - RECORD;

/// Bytes that a new connection sends and receives before the first request, and at its end: the packets that
/// open and close TCP (8), the TLS 1.3 handshake with one certificate and two session tickets, and the settings
/// of HTTP/2. Added up from the lengths in RFC 8446 and RFC 9113; a chain of certificates costs more.
const CONNECTION: (u64, u64) = (1_300, 2_700);

impl Traffic {
    /// One exchange, or one piece of a stream, of so many payload bytes.
    pub(crate) fn exchange(sent: u64, received: u64) -> Self {
        let (out, back) = (sent.div_ceil(PAYLOAD), received.div_ceil(PAYLOAD));
        let packets =
            |own: u64, acknowledged: u64| own * (PACKET + RECORD) + acknowledged.div_ceil(2) * PACKET;
        Self {
            sent,
            received,
            overhead_sent: packets(out, back),
            overhead_received: packets(back, out),
        }
    }
    /// The same exchange, which began so many connections.
    #[must_use]
    pub(crate) fn connected(self, connections: u64) -> Self {
        self.plus(Self {
            overhead_sent: connections.saturating_mul(CONNECTION.0),
            overhead_received: connections.saturating_mul(CONNECTION.1),
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w15_a_heartbeat_is_charged_with_its_packet_and_the_acknowledgement() {
        // `:` and two newlines.
        let heartbeat = Traffic::exchange(0, 3).at_ip_level();
        assert_eq!((heartbeat.sent, heartbeat.received), (72, 3 + 31 + 72));
        assert_eq!(Traffic::exchange(0, 0), Traffic::default());
    }

    #[test]
    fn w15_a_large_body_is_charged_by_packet() {
        let photo = Traffic::exchange(1_000_000, 300);
        let packets = 1_000_000_u64.div_ceil(PAYLOAD);
        assert_eq!(photo.overhead_sent, packets * 103 + 72);
        assert_eq!(photo.total(), 1_000_300, "the payload stays visible");
    }
}
