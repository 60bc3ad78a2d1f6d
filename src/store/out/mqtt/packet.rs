//! The packets of MQTT 3.1.1 (OASIS Standard) that a client needs which only
//! publishes.

/// Whose name a client has, and what is said when it goes without a word.
pub struct Connect<'a> {
    pub client_id: &'a str,
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    pub will_topic: &'a str,
    pub will: &'a [u8],
    /// Seconds without a packet after which the broker takes it for gone.
    pub keep_alive: u16,
}

/// What a broker sends to such a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// CONNACK with its return code, 0 for welcome (3.2.2.3).
    Connected(u8),
    /// PUBACK with the packet's identifier (3.4).
    Published(u16),
    /// PINGRESP (3.13).
    Alive,
}

/// The longest remaining length (2.2.3).
const MAX_REMAINING: usize = 268_435_455;

/// PINGREQ (3.12).
pub const PING: [u8; 2] = [0xc0, 0];

/// DISCONNECT (3.14).
pub const DISCONNECT: [u8; 2] = [0xe0, 0];

/// CONNECT with a clean session and a will that is retained (3.1).
pub fn connect(connect: &Connect<'_>) -> Option<Vec<u8>> {
    const CLEAN_SESSION: u8 = 0x02;
    const WILL: u8 = 0x04 | 0x20;
    let Connect { client_id, user, password, will_topic, will, keep_alive } = connect;
    // There is no password without a user (3.1.2.9).
    let password = password.filter(|_| user.is_some());
    let mut flags = CLEAN_SESSION | WILL;
    flags |= if user.is_some() { 0x80 } else { 0 };
    flags |= if password.is_some() { 0x40 } else { 0 };
    let mut body = Vec::new();
    string(&mut body, b"MQTT")?;
    body.extend([4, flags]);
    body.extend(keep_alive.to_be_bytes());
    let texts = [Some(client_id.as_bytes()), Some(will_topic.as_bytes()), Some(will)];
    let account = [user.map(str::as_bytes), password.map(str::as_bytes)];
    for text in texts.into_iter().chain(account).flatten() {
        string(&mut body, text)?;
    }
    packet(0x10, &body)
}

/// PUBLISH; with an identifier by QoS 1, otherwise by QoS 0 (3.3).
pub fn publish(topic: &str, payload: &[u8], retain: bool, id: Option<u16>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    string(&mut body, topic.as_bytes())?;
    body.extend(id.into_iter().flat_map(u16::to_be_bytes));
    body.extend_from_slice(payload);
    packet(0x30 | if id.is_some() { 0x02 } else { 0 } | u8::from(retain), &body)
}

/// The answer in a packet of four bytes, or of two when it is a PINGRESP, which
/// `bytes` then begins with.
pub fn answer(bytes: [u8; 4]) -> Option<Answer> {
    match bytes {
        [0x20, 2, _, code] => Some(Answer::Connected(code)),
        [0x40, 2, high, low] => Some(Answer::Published(u16::from_be_bytes([high, low]))),
        [0xd0, 0, ..] => Some(Answer::Alive),
        _ => None,
    }
}

/// With its length before it (1.5.3); none when that is too much for it.
fn string(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

fn packet(first: u8, body: &[u8]) -> Option<Vec<u8>> {
    let mut left = Some(body.len()).filter(|length| *length <= MAX_REMAINING)?;
    let mut out = vec![first];
    loop {
        let more = if left > 127 { 0x80 } else { 0 };
        out.push((left % 128) as u8 | more);
        left /= 128;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_who_it_is_and_what_is_said_when_it_is_gone() {
        let packet = connect(&Connect {
            client_id: "id",
            user: Some("u"),
            password: Some("p"),
            will_topic: "t",
            will: b"off",
            keep_alive: 60,
        });
        let expected =
            b"\x10\x1c\x00\x04MQTT\x04\xe6\x00\x3c\x00\x02id\x00\x01t\x00\x03off\x00\x01u\x00\x01p";
        assert_eq!(packet.unwrap(), expected);
    }

    #[test]
    fn a_message_is_kept_and_acknowledged_where_that_is_asked_for() {
        assert_eq!(publish("a/b", b"hi", false, None).unwrap(), b"\x30\x07\x00\x03a/bhi");
        assert_eq!(publish("a/b", b"hi", true, Some(0x102)).unwrap(), b"\x33\x09\x00\x03a/b\x01\x02hi");
        let long = publish("t", &[0; 321 - 3], false, None).unwrap();
        // The example of 2.2.3: 321 is 193 and 2.
        assert_eq!((&long[..3], long.len()), (&[0x30, 193, 2][..], 3 + 321));
        assert_eq!(publish(&"t".repeat(65_536), b"", false, None), None);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(answer([0x20, 2, 0, 5]), Some(Answer::Connected(5)));
        assert_eq!(answer([0x40, 2, 1, 2]), Some(Answer::Published(0x102)));
        assert_eq!(answer([0xd0, 0, 9, 9]), Some(Answer::Alive));
        assert_eq!(answer([0x30, 2, 0, 0]), None);
    }
}
