//! Databases, queues, remote calls, files and desktops.

use super::{holds, le_length_at, le16_at, le32_at, length_at, starts_with_any};
use crate::dissect::logins::ldap::Ldap;
use crate::dissect::logins::mongodb::Mongo;
use crate::dissect::logins::mssql::Mssql;
use crate::dissect::logins::mysql::Mysql;
use crate::dissect::logins::pgsql::Pgsql;
use crate::dissect::logins::rdp::Rdp;
use crate::dissect::logins::redis::Redis;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// Server Message Block, versions 1 to 3, behind four bytes of length.
    SMB = "smb", TCP, |o| matches!(array_at(o.bytes, 4)?, [0xfc..=0xff, b'S', b'M', b'B']) && u8_at(o.bytes, 0)? == 0;
    /// MySQL: the greeting, version 10 of the protocol and the server's version.
    MYSQL = "mysql", TCP, |o| u8_at(o.bytes, 4)? == 10 && u8_at(o.bytes, 3)? == 0
        && le24(o.bytes)? + 4 == o.bytes.len() && u8_at(o.bytes, 5)?.is_ascii_digit() && o.bytes.iter().take(70).skip(6).any(|&byte| byte == 0) => Mysql::default();
    /// PostgreSQL: what a client asks for first; its version is 3, or a number that is none.
    PGSQL = "pgsql", TCP, |o| u8_at(o.bytes, 0)? == 0 && length_at(o.bytes, 0)? == o.bytes.len()
        && match u32_at(o.bytes, 4)? {
            80_877_102..=80_877_104 => true,
            0x0003_0000..=0x0003_000f => holds(o.bytes, b"user\0"),
            _ => false,
        } => Pgsql::default();
    /// Redis: an array of strings.
    REDIS = "redis", TCP, |o| match u8_at(o.bytes, 0)? {
        b'*' => u8_at(o.bytes, 1)?.is_ascii_digit() && holds(o.bytes.get(..8).unwrap_or(o.bytes), b"\r\n$"),
        b'+' | b'-' => o.has_port(6379) && o.bytes.ends_with(b"\r\n"),
        b'P' => o.has_port(6379) && o.bytes == b"PING\r\n",
        b'A' => o.has_port(6379) && o.bytes.starts_with(b"AUTH "),
        _ => false,
    } => Redis::default();
    /// MongoDB: its length, and an operation that exists.
    MONGODB = "mongodb", TCP, |o| matches!(le32_at(o.bytes, 12)?, 1 | 2001..=2007 | 2010..=2013)
        && (16..=48_000_000).contains(&le32_at(o.bytes, 0)?)
        && (le_length_at(o.bytes, 0)? == o.bytes.len() || o.has_port(27017) && o.bytes.len() > 1_000) => Mongo::default();
    /// Tabular data stream (MS-TDS, 2.2.3): what is said before the log-in, or the log-in.
    MSSQL = "mssql", TCP, |o| matches!(array_at(o.bytes, 0)?, [0x12 | 0x10 | 4, 1])
        && usize::from(u16_at(o.bytes, 2)?) == o.bytes.len() && u8_at(o.bytes, 7)? == 0
        && match u8_at(o.bytes, 0)? {
            0x12 => u8_at(o.bytes, 8)? == 0 && o.bytes.contains(&0xff),
            0x10 => le_length_at(o.bytes, 8)? + 8 == o.bytes.len(),
            _ => o.server_port == 1433,
        } => Mssql::default();
    /// Oracle's net: a connect packet of just this length.
    ORACLE = "oracle", TCP, |o| u8_at(o.bytes, 4)? == 1 && u16_at(o.bytes, 2)? == 0
        && usize::from(u16_at(o.bytes, 0)?) == o.bytes.len() && holds(o.bytes, b"(DESCRIPTION");
    /// DRDA: EXCSAT comes first.
    DRDA = "drda", TCP, |o| u8_at(o.bytes, 2)? == 0xd0 && u16_at(o.bytes, 8)? == 0x1041
        && u16_at(o.bytes, 0)? == u16_at(o.bytes, 6)?.checked_add(6)?;
    /// Cassandra's native protocol, versions 3 to 5: a request that opens a connection, or an answer.
    CASSANDRA = "cassandra", TCP, |o| matches!(array_at(o.bytes, 0)?, [3..=5 | 0x83..=0x85, 0..=0x1f, _, _, 0..=3 | 5 | 6 | 0x0e..=0x10])
        && length_at(o.bytes, 5)? + 9 == o.bytes.len() && (o.has_port(9042) || holds(o.bytes, b"CQL_VERSION"));
    /// Kafka: a request with its length and a client's name.
    KAFKA = "kafka", TCP, |o| u8_at(o.bytes, 0)? == 0 && is_kafka(o.bytes)?;
    /// AMQP 0-9 and 1.0: the header.
    AMQP = "amqp", TCP, |o| o.bytes.starts_with(b"AMQP") && matches!(u8_at(o.bytes, 4)?, 0..=3);
    /// NATS: what the server is, or what a client wants.
    NATS = "nats", TCP, |o| starts_with_any(o.bytes, &[b"INFO {\"", b"CONNECT {\""]);
    /// MQTT 3.1 to 5: CONNECT with the protocol's name.
    MQTT = "mqtt", TCP, |o| match u8_at(o.bytes, 0)? {
        0x10 => {
            let length = o.bytes.get(1..5)?.iter().position(|&byte| byte < 0x80)?;
            starts_with_any(o.bytes.get(2 + length..)?, &[b"\0\x04MQTT", b"\0\x06MQIsdp"])
        }
        // CONNACK, PINGREQ, PINGRESP
        0x20 => o.has_port(1883) && u8_at(o.bytes, 1)? == 2 && o.bytes.len() == 4,
        0xc0 | 0xd0 => o.bytes.len() == 2 && u8_at(o.bytes, 1)? == 0 && o.has_port(1883),
        // PUBLISH
        0x30..=0x3d => o.has_port(1883) && usize::from(u8_at(o.bytes, 1)?) + 2 == o.bytes.len(),
        _ => false,
    };
    /// memcached, where it is at home: text, or a header of its binary protocol.
    MEMCACHED = "memcached", TCP, |o| o.has_port(11211) && is_memcached(o.bytes)?;
    /// memcached behind the eight bytes that its datagrams have.
    MEMCACHED_UDP = "memcached", UDP, |o| o.has_port(11211) && u16_at(o.bytes, 6)? == 0 && is_memcached(o.bytes.get(8..)?)?;
    /// Remote desktop: X.224's connection behind TPKT, with what only RDP puts there (MS-RDPBCGR, 2.2.1.1).
    RDP = "rdp", TCP, |o| array_at(o.bytes, 0)? == [3, 0] && is_rdp(o.bytes, o.server_port == 3389)? => Rdp::default();
    /// Kerberos over TCP: its length first (RFC 4120, 7.2.2).
    KERBEROS = "kerberos", TCP, |o| u8_at(o.bytes, 0)? == 0 && length_at(o.bytes, 0)? + 4 >= o.bytes.len()
        && is_kerberos(o.bytes.get(4..)?)?;
    /// RFC 4120, 5.4
    KERBEROS_UDP = "kerberos", UDP, |o| is_kerberos(o.bytes)?;
    /// LDAP: a message's number and an operation that comes first (RFC 4511, 4).
    LDAP = "ldap", TCP, |o| u8_at(o.bytes, 0)? == 0x30 && is_ldap(o.bytes)? => Ldap::default();
    /// RFC 1798, without a connection.
    LDAP_UDP = "ldap", UDP, |o| u8_at(o.bytes, 0)? == 0x30 && is_ldap(o.bytes)?;
    /// DCE/RPC over TCP: version 5.0 or 5.1, little-endian, of a kind that exists (C706, 12.6).
    DCERPC = "dcerpc", TCP, |o| matches!(array_at(o.bytes, 0)?, [5, 0..=1, 0..=19]) && u32_at(o.bytes, 4)? == 0x1000_0000
        && le16_at(o.bytes, 8)? >= 16;
    /// ONC RPC: a call of a program that belongs to NFS, behind a record's length (RFC 5531).
    RPC = "nfs", TCP, |o| u8_at(o.bytes, 0)? & 0x80 != 0 && (u32_at(o.bytes, 0)? & 0x00ff_ffff) as usize + 4 >= o.bytes.len()
        && is_rpc(o.bytes.get(4..)?, o.has_port(111) || o.has_port(2049))?;
    /// ONC RPC in datagrams.
    RPC_UDP = "nfs", UDP, |o| is_rpc(o.bytes, o.has_port(111) || o.has_port(2049))?;
    /// Apple's files over DSI: a command that exists, and 0 where it must be.
    AFP = "afp", TCP, |o| o.has_port(548) && matches!(array_at(o.bytes, 0)?, [0 | 1, 1..=8]) && u32_at(o.bytes, 12)? == 0;
    /// FastCGI: a request begins.
    FASTCGI = "fastcgi", TCP, |o| o.bytes.starts_with(&[1, 1]) && array_at(o.bytes, 4)? == [0, 8, 0, 0] && u16_at(o.bytes, 8)? <= 3;
    /// Ceph's banners.
    CEPH = "ceph", TCP, |o| o.bytes.starts_with(b"ceph v");
    /// CORBA's GIOP 1.x.
    GIOP = "corba", TCP, |o| o.bytes.starts_with(b"GIOP\x01");
    /// Thrift: strict binary, a call, framed or not.
    THRIFT = "thrift", TCP, |o| is_thrift(o.bytes)? || u8_at(o.bytes, 0)? == 0
        && length_at(o.bytes, 0)? + 4 == o.bytes.len() && is_thrift(o.bytes.get(4..)?)?;
    /// The same in a datagram, also in the compact form that Jaeger has.
    THRIFT_UDP = "thrift", UDP, |o| match u8_at(o.bytes, 0)? {
        0x80 => is_thrift(o.bytes)?,
        0x82 => matches!(u8_at(o.bytes, 1)?, 0x21 | 0x81) && is_compact_thrift(o.bytes)?,
        _ => false,
    };
    /// Zabbix: its header.
    ZABBIX = "zabbix", TCP, |o| o.bytes.starts_with(b"ZBXD") && u8_at(o.bytes, 4)? <= 7;
    /// Z39.50: an Initialize in BER begins with the version.
    Z3950 = "z3950", TCP, |o| matches!(u8_at(o.bytes, 0)?, 0xb4 | 0xb5) && der(o.bytes)?.1 >= o.bytes.len()
        && matches!(array_at(o.bytes, der(o.bytes)?.0)?, [0x83, 2 | 3]);
}

fn le24(bytes: &[u8]) -> Option<usize> {
    Some((le32_at(bytes, 0)? & 0xff_ffff) as usize)
}

fn is_kafka(bytes: &[u8]) -> Option<bool> {
    let (length, key, version) = (length_at(bytes, 0)? + 4, u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let name = usize::from(u16_at(bytes, 12)?);
    Some(
        length == bytes.len()
            && key <= 90
            && version <= 20
            && (name > 0)
            && bytes.get(14..14 + name)?.iter().all(u8::is_ascii_graphic),
    )
}

fn is_memcached(bytes: &[u8]) -> Option<bool> {
    let commands: [&[u8]; 9] =
        [b"get ", b"gets ", b"set ", b"add ", b"stats", b"version", b"delete ", b"incr ", b"mn\r\n"];
    Some(
        starts_with_any(bytes, &commands)
            || matches!(array_at(bytes, 0)?, [0x80 | 0x81, 0..=0x23]) && u8_at(bytes, 5)? == 0,
    )
}

fn is_rdp(bytes: &[u8], at_home: bool) -> Option<bool> {
    let bytes = bytes.get(..usize::from(u16_at(bytes, 2)?))?;
    let fits = usize::from(u8_at(bytes, 4)?) + 5 == bytes.len();
    let negotiation = bytes.len().checked_sub(8).and_then(|at| array_at(bytes, at));
    Some(
        fits && match (u8_at(bytes, 5)?, negotiation) {
            (0xe0, Some([1, _, 8, 0])) | (0xd0, Some([2 | 3, _, 8, 0])) => bytes.len() >= 19,
            (0xe0, _) => at_home || holds(bytes, b"Cookie: mstshash="),
            (0xd0, _) => at_home,
            _ => false,
        },
    )
}

/// Where the content of the DER value begins that `bytes` begin with, and
/// where it ends.
pub fn der(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = u8_at(bytes, 1)?;
    let (start, length) = match length {
        0..=0x7f => (2, u32::from(length)),
        0x81 => (3, u32::from(u8_at(bytes, 2)?)),
        0x82 => (4, u32::from(u16_at(bytes, 2)?)),
        0x83 => (5, u32_at(bytes, 1)? & 0xff_ffff),
        0x84 => (6, u32_at(bytes, 2)?),
        _ => return None,
    };
    Some((start, start.checked_add(length as usize)?))
}

fn is_kerberos(bytes: &[u8]) -> Option<bool> {
    // An application's tag, a sequence, and version 5.
    if !matches!(u8_at(bytes, 0)?, 0x6a..=0x6f | 0x74..=0x76 | 0x7e) {
        return Some(false);
    }
    let inner = bytes.get(der(bytes)?.0..)?;
    let version = array_at(inner, der(inner)?.0)?;
    Some(u8_at(inner, 0)? == 0x30 && matches!(version, [0xa0 | 0xa1, 3, 2, 1, 5]))
}

fn is_ldap(bytes: &[u8]) -> Option<bool> {
    let (start, end) = der(bytes)?;
    let [0x02, length @ 1..=4] = array_at(bytes, start)? else { return Some(false) };
    let operation = start + 2 + usize::from(length);
    let (inner, _) = der(bytes.get(operation..)?)?;
    let content = bytes.get(operation + inner..)?;
    Some(
        end >= bytes.len().min(1_400)
            && match u8_at(bytes, operation)? {
                // Bind: its version. Its answer, or an extended one: a result.
                0x60 => matches!(array_at(content, 0)?, [2, 1, 2 | 3]),
                0x61 | 0x65 | 0x78 => array_at(content, 0)? == [0x0a, 1],
                0x63 => u8_at(content, 0)? == 4,
                0x64 => u8_at(content, 0)? == 4 && start <= 6,
                0x77 => u8_at(content, 0)? == 0x80,
                _ => false,
            },
    )
}

fn is_rpc(bytes: &[u8], at_home: bool) -> Option<bool> {
    Some(match u32_at(bytes, 4)? {
        0 => {
            u32_at(bytes, 8)? == 2
                && u32_at(bytes, 16)? <= 4
                && matches!(
                    u32_at(bytes, 12)?,
                    100_000 | 100_003 | 100_005 | 100_011 | 100_021 | 100_024 | 100_227
                )
        }
        1 => at_home && u32_at(bytes, 8)? <= 1 && bytes.len().is_multiple_of(4),
        _ => false,
    })
}

fn is_thrift(bytes: &[u8]) -> Option<bool> {
    let name = length_at(bytes, 4)?;
    Some(
        matches!(array_at(bytes, 0)?, [0x80, 1, 0, 1..=4])
            && (1..100).contains(&name)
            && bytes.get(8..8 + name)?.iter().all(u8::is_ascii_graphic),
    )
}

/// Behind the call's number, of which all bytes but the last have a high bit,
/// its name.
fn is_compact_thrift(bytes: &[u8]) -> Option<bool> {
    let name = 3 + bytes.get(2..7)?.iter().position(|&byte| byte < 0x80)?;
    let length = usize::from(u8_at(bytes, name)?);
    Some(
        (1..100).contains(&length)
            && bytes.get(name + 1..name + 1 + length)?.iter().all(u8::is_ascii_graphic),
    )
}
