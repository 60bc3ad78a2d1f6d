//! What dissectors find, for their tests.

use super::about::Clue;
use super::dns;
use super::ftp::Exchange;
use super::login::Login;
use super::{Dissector, Product, Side, Sink, Step, dhcp, smtp, ssh};
use crate::record::Mac;

#[derive(Default, PartialEq, Debug)]
pub struct Found {
    pub logins: Vec<Login>,
    pub products: Vec<Product>,
    pub ftp: Vec<Exchange>,
    pub mails: Vec<smtp::Mail>,
    pub ssh: Vec<ssh::Hello>,
    pub dhcp: Vec<dhcp::Message>,
    pub clues: Vec<Clue>,
}

impl Found {
    /// What `dissector` finds in what was `said`, to the end; it has to find the
    /// same in single bytes.
    pub fn of<D: Dissector + Default>(said: &[(Side, &[u8])]) -> Found {
        let whole = Found::cut::<D>(said, usize::MAX);
        for size in [1, 7] {
            assert_eq!(Found::cut::<D>(said, size), whole, "in pieces of {size}");
        }
        whole
    }

    /// Gives it bytes as the engine does.
    fn cut<D: Dissector + Default>(said: &[(Side, &[u8])], size: usize) -> Found {
        let (mut dissector, mut found) = (D::default(), Found::default());
        let (mut waiting, mut skip): ([Vec<u8>; 2], [usize; 2]) = Default::default();
        for (side, bytes) in said {
            for piece in bytes.chunks(size.min(bytes.len()).max(1)) {
                let (waiting, skip) = (&mut waiting[*side as usize], &mut skip[*side as usize]);
                let skipped = (*skip).min(piece.len());
                *skip -= skipped;
                waiting.extend(&piece[skipped..]);
                if waiting.is_empty() {
                    continue;
                }
                match dissector.data(*side, waiting, &mut found) {
                    Step::Take(count) => {
                        *skip += count.saturating_sub(waiting.len());
                        waiting.drain(..count.min(waiting.len()));
                    }
                    Step::Done | Step::Reject | Step::Again(_) => return found,
                }
            }
        }
        dissector.end(&mut found);
        found
    }
}

impl Sink for Found {
    fn dns(&mut self, _: dns::Kind, _: Side, _: &dns::Message<'_>) {
        unreachable!("no DNS here");
    }

    fn login(&mut self, login: Login) {
        self.logins.push(login);
    }

    fn product(&mut self, product: Product) {
        self.products.push(product);
    }

    fn ftp(&mut self, exchange: Exchange) {
        self.ftp.push(exchange);
    }

    fn smtp(&mut self, mail: smtp::Mail) {
        self.mails.push(mail);
    }

    fn ssh(&mut self, hello: ssh::Hello) {
        self.ssh.push(hello);
    }

    fn dhcp(&mut self, message: dhcp::Message) {
        self.dhcp.push(message);
    }

    fn clue(&mut self, _: Option<Mac>, clue: Clue) {
        self.clues.push(clue);
    }
}
