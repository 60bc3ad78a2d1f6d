"""A file system of FUSE that lacks what some of routers' lack: poor.py BACKING MOUNTPOINT LACK...

LACK is "mmap" (no shared memory, as on JFFS2) or "locks" (as where nobody
answers for them). Speaks to the kernel itself, as Debian has no FUSE for Python
without more than this test needs. Says "ready" and ends with the mount."""

import errno
import os
import struct
import subprocess
import sys

HEADER = struct.Struct("<IIQQIIIHH")
ATTR = struct.Struct("<6Q10I")
DIRECT_IO = 1
POSIX_LOCKS = 1 << 1
SIZE, MODE = 1 << 3, 1 << 0


class Poor:
    def __init__(self, backing, lacks):
        self.lacks = lacks
        self.paths = {1: backing}
        self.nodes = {backing: 1}

    def node(self, path):
        if path not in self.nodes:
            self.nodes[path] = len(self.paths) + 1
            self.paths[self.nodes[path]] = path
        return self.nodes[path]

    def attr(self, path):
        s = os.lstat(path)
        return ATTR.pack(s.st_ino, s.st_size, s.st_blocks, int(s.st_atime), int(s.st_mtime), int(s.st_ctime), 0, 0, 0,
                         s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0)

    def entry(self, path):
        attr = self.attr(path)
        return struct.pack("<QQQQII", self.node(path), 0, 0, 0, 0, 0) + attr

    def child(self, node, name):
        return os.path.join(self.paths[node], os.fsdecode(name.split(b"\0")[0]))

    def opened(self, fd):
        return struct.pack("<QII", fd, DIRECT_IO if "mmap" in self.lacks else 0, 0)

    def init(self, node, data):
        major, minor, ahead, flags = struct.unpack_from("<IIII", data)
        flags &= POSIX_LOCKS if "locks" in self.lacks else 0
        return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), ahead, flags, 16, 12, 1 << 17, 1, 32, 0, 0)

    def lookup(self, node, data):
        return self.entry(self.child(node, data))

    def getattr(self, node, data):
        return struct.pack("<QII", 0, 0, 0) + self.attr(self.paths[node])

    def setattr(self, node, data):
        valid, _, _, size = struct.unpack_from("<IIQQ", data)
        if valid & SIZE:
            os.truncate(self.paths[node], size)
        if valid & MODE:
            os.chmod(self.paths[node], struct.unpack_from("<I", data, 68)[0] & 0o7777)
        return self.getattr(node, data)

    def mkdir(self, node, data):
        path = self.child(node, data[8:])
        os.mkdir(path, struct.unpack_from("<I", data)[0] & 0o7777)
        return self.entry(path)

    def unlink(self, node, data):
        path = self.child(node, data)
        os.unlink(path)
        self.nodes.pop(path, None)
        return b""

    def rename(self, node, data, skip=8):
        old, new = data[skip:].split(b"\0")[:2]
        source, target = self.child(node, old), self.child(struct.unpack_from("<Q", data)[0], new)
        os.rename(source, target)
        number = self.node(source)
        del self.nodes[source]
        self.nodes[target], self.paths[number] = number, target
        return b""

    def rename2(self, node, data):
        return self.rename(node, data, 16)

    def open(self, node, data):
        # Only reading and writing: where, the kernel says each time.
        return self.opened(os.open(self.paths[node], struct.unpack_from("<I", data)[0] & os.O_ACCMODE))

    def create(self, node, data):
        flags, mode = struct.unpack_from("<II", data)
        path = self.child(node, data[16:])
        fd = os.open(path, flags & (os.O_ACCMODE | os.O_EXCL) | os.O_CREAT, mode & 0o7777)
        return self.entry(path) + self.opened(fd)

    def opendir(self, node, data):
        # Readable, for whoever makes a folder lasting.
        return struct.pack("<QII", os.open(self.paths[node], os.O_RDONLY), 0, 0)

    def readdir(self, node, data):
        return b""

    def read(self, node, data):
        fd, offset, size = struct.unpack_from("<QQI", data)
        return os.pread(fd, size, offset)

    def write(self, node, data):
        fd, offset, size = struct.unpack_from("<QQI", data)
        return struct.pack("<II", os.pwrite(fd, data[40:40 + size], offset), 0)

    def statfs(self, node, data):
        s = os.statvfs(self.paths[1])
        return struct.pack("<5QIII28x", s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, 4096, 255, 4096)

    def release(self, node, data):
        os.close(struct.unpack_from("<Q", data)[0])
        return b""

    def fsync(self, node, data):
        os.fsync(struct.unpack_from("<Q", data)[0])
        return b""

    def nothing(self, node, data):
        return b""

    def lock(self, node, data):
        raise OSError(errno.ENOLCK, "no locks")

    CALLS = {1: lookup, 3: getattr, 4: setattr, 9: mkdir, 10: unlink, 12: rename, 14: open, 15: read, 16: write, 17: statfs,
             18: release, 20: fsync, 25: nothing, 26: init, 27: opendir, 28: readdir, 29: release, 30: fsync, 31: lock,
             32: lock, 33: lock, 34: nothing, 35: create, 45: rename2}
    # Those that want no answer: forget, interrupt, batch_forget.
    SILENT = {2, 36, 42}

    def answer(self, request):
        _, code, unique, node, *_ = HEADER.unpack_from(request)
        if code in self.SILENT:
            return None
        error, body = -errno.ENOSYS, b""
        if code in self.CALLS:
            try:
                error, body = 0, self.CALLS[code](self, node, request[HEADER.size:])
            except OSError as problem:
                error = -problem.errno
        return struct.pack("<IiQ", 16 + len(body), error, unique) + body


def main():
    backing, point, *lacks = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR)
    os.set_inheritable(device, True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    subprocess.run(["mount", "-i", "-t", "fuse.poor", "-o", options, "poor", point], check=True, pass_fds=[device])
    poor = Poor(backing, lacks)
    said = False
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError as end:
            if end.errno == errno.ENODEV:
                return  # unmounted
            if end.errno in (errno.EINTR, errno.ENOENT):
                continue
            raise
        answer = poor.answer(request)
        if answer:
            os.write(device, answer)
        if not said:
            said = True
            print("ready", flush=True)


main()
