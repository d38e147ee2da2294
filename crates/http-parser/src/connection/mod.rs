//! One connection as the server sees it, without the socket.
