package holder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// A message is a line of JSON over a unix socket, with descriptors that go with its
// beginning. Neither side sends another before the first is answered.

const mostText, mostFiles = 4 << 10, 8

// Send says something, and gives files with it.
func Send(fd int, what any, files ...int) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	for len(text) > 0 {
		n, err := unix.SendmsgN(fd, text, rights, nil, unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		text, rights = text[n:], nil
	}
	return nil
}

// Receive hears it. The files are the caller's to close, also where it returns an error.
func Receive(fd int, what any) (files []int, err error) {
	var text []byte
	for !bytes.HasSuffix(text, []byte{'\n'}) {
		if len(text) > mostText {
			return files, errors.New("too long a message")
		}
		buf, rights := make([]byte, 512), make([]byte, unix.CmsgSpace(4*mostFiles))
		n, size, _, _, err := unix.Recvmsg(fd, buf, rights, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return files, err
		}
		given, err := filesOf(rights[:size])
		if files = append(files, given...); err != nil {
			return files, err
		}
		if n == 0 {
			return files, io.ErrUnexpectedEOF
		}
		text = append(text, buf[:n]...)
	}
	return files, json.Unmarshal(text, what)
}

func filesOf(rights []byte) (files []int, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	for _, m := range messages {
		if given, err := unix.ParseUnixRights(&m); err == nil {
			files = append(files, given...)
		}
	}
	return files, err
}
