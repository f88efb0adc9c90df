//! Hands a socket to the runner over the connection that its job came by.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

pub(super) fn send(theirs: &UnixStream, over: &UnixStream) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let all = [theirs.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&all));
    sendmsg(over, &[IoSlice::new(b"c")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

pub(super) fn receive(over: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(over, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut found = control.drain().filter_map(|it| {
        if let RecvAncillaryMessage::ScmRights(mut all) = it { all.next() } else { None }
    });
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "the job's socket did not come");
    found.next().ok_or_else(missing)
}
