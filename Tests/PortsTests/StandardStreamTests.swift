import Foundation
import Glibc
import Ports
import Testing

@Suite("Standard streams")
struct StandardStreamTests {
    private func fails(_ descriptor: Int32, _ bytes: [UInt8]) -> StandardStream.Failure? {
        bytes.withUnsafeBytes { bytes in
            do throws(StandardStream.Failure) {
                try StandardStream.write(bytes, to: descriptor)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test("a pipe that nobody reads is told, and does not end the process")
    func unread() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        #expect(fails(ends[1], [1, 2, 3]) == .readerGone)
    }

    @Test("a full disk and a closed descriptor are told with their number")
    func full() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        #expect(fails(full, [1]) == .system(ENOSPC))
        close(full)
        #expect(fails(-1, [1]) == .system(EBADF))
    }

    @Test("a pipe that does not wait gets everything all the same")
    func nonBlocking() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        // Many times what a pipe holds.
        let sent = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let reader = ends[0]
        let reading = Task.detached {
            var got: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 10_000)
            while true {
                let count = read(reader, &buffer, buffer.count)
                if count <= 0 { return got }
                got += buffer[..<count]
            }
        }
        #expect(fails(ends[1], sent) == nil)
        close(ends[1])
        #expect(await reading.value == sent)
        close(reader)
    }
}
