//! Which ends of entries are worth hearing of.

use super::entry::attribute;
use super::netlink::{FAMILY, HEADER};

/// TCP's state of an entry that waits for late segments: linux/netfilter/nf_conntrack_tcp.h.
const TIME_WAIT: u32 = 7;

/// Offsets that are no offsets, but functions of the kernel: linux/filter.h. They
/// look for the attribute X from A on, the second one within the attribute at A,
/// and give its offset or 0.
const FIND: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_NLATTR) as u32;
const FIND_WITHIN: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_NLATTR_NEST) as u32;

/// Where attributes begin.
const BODY: u32 = (HEADER + FAMILY) as u32;

/// Behind an attribute's length and type.
const VALUE: u32 = 4;

/// A filter that leaves out the ends of TCP connections that were closed and
/// stood in TIME_WAIT until their time was up: they have not grown since, and a
/// dump has told of them. Kernels before 5.11 do not tell the state, so that
/// none is left out there.
pub fn without_expired() -> [libc::sock_filter; 19] {
    let line = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let set_a = |k| line(libc::BPF_LD | libc::BPF_IMM, k, 0, 0);
    let set_x = |k: u16| line(libc::BPF_LDX | libc::BPF_IMM, k.into(), 0, 0);
    let call = |what| line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, what, 0, 0);
    let if_a = |k, jt, jf| line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, jt, jf);
    let give = |k| line(libc::BPF_RET | libc::BPF_K, k, 0, 0);
    [
        // One whose time was not up was ended by somebody, or begun anew.
        set_a(BODY),
        set_x(attribute::TIMEOUT),
        call(FIND),
        if_a(0, 0, 13),
        set_a(BODY),
        set_x(attribute::PROTOINFO),
        call(FIND),
        if_a(0, 9, 0),
        set_x(attribute::TCP),
        call(FIND_WITHIN),
        if_a(0, 6, 0),
        set_x(attribute::TCP_STATE),
        call(FIND_WITHIN),
        if_a(0, 3, 0),
        line(libc::BPF_MISC | libc::BPF_TAX, 0, 0, 0),
        line(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, VALUE, 0, 0),
        if_a(TIME_WAIT, 1, 0),
        give(u32::MAX),
        give(0),
    ]
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram;

    use super::super::netlink::{NESTED, Request, attach};
    use super::*;

    /// The end of an entry in TCP's state `state`, with `left` seconds.
    fn end(state: Option<u8>, left: Option<u32>) -> Vec<u8> {
        let mut request = Request::new(1, 2, 0, libc::AF_INET, 0).with(attribute::ID, &[0, 0, 0, 9]);
        if let Some(left) = left {
            request = request.with(attribute::TIMEOUT, &left.to_be_bytes());
        }
        if let Some(state) = state {
            let tcp = Request::nested().with(attribute::TCP_STATE, &[state]).into_attributes();
            let info = Request::nested().with(attribute::TCP | NESTED, &tcp).into_attributes();
            request = request.with(attribute::PROTOINFO | NESTED, &info);
        }
        request.into_bytes()
    }

    #[test]
    fn only_who_waited_to_the_end_is_left_out() {
        let (to, from) = UnixDatagram::pair().unwrap();
        from.set_nonblocking(true).unwrap();
        if let Err(error) = attach(from.as_raw_fd(), &mut without_expired()) {
            // As QEMU's user mode can't.
            println!("this system takes no filters, and the test ends here: {error}");
            return;
        }
        // The kernel reads attributes in its own byte order, and QEMU's user mode runs
        // programs of the other one.
        let order = std::fs::read_to_string("/sys/kernel/cpu_byteorder").unwrap_or_default();
        if !order.is_empty() && (order.trim() == "big") != cfg!(target_endian = "big") {
            println!("the kernel's byte order is another, and the test ends here");
            return;
        }
        let comes = |message: Vec<u8>| {
            to.send(&message).unwrap();
            from.recv(&mut [0; 256]).ok() == Some(message.len())
        };
        assert!(!comes(end(Some(7), None)));
        assert!(comes(end(Some(7), Some(20))), "ended before its time");
        for state in [3, 6, 8] {
            assert!(comes(end(Some(state), None)), "{state}");
        }
        assert!(comes(end(None, None)), "UDP, or a kernel that does not tell");
        let whole = end(Some(7), None);
        for length in 0..whole.len() - 4 {
            assert!(comes(whole[..length].to_vec()), "cut at {length}");
        }
    }
}
