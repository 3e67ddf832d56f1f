import Foundation
import Ports
import SweepClient
import SweepWire
import Synchronization
import Testing

/// A coordinator that holds one blob and gives it in pieces of at most 4 bytes.
private final class BlobServer: CoordinatorCalls {
    let address = "http://blobs"
    let time: any TimeSource = SystemTime()
    let random: any RandomSource = SystemRandom()
    let content: Mutex<[UInt8]>
    /// Offsets that were asked for.
    let asked = Mutex<[Int]>([])
    /// The request that fails, counted from 1.
    let failing = Mutex<Int?>(nil)

    init(_ content: String) { self.content = Mutex(Array(content.utf8)) }

    func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response {
        let range = try #require(request as? BlobRange)
        let count = asked.withLock { asked in
            asked.append(range.offset)
            return asked.count
        }
        if failing.withLock({ $0 == count }) { throw ClientError(.badAnswer, "cut off") }
        let bytes = content.withLock { Data($0.dropFirst(range.offset).prefix(min(range.count, 4))) }
        return try #require(RawBytes(bytes) as? Response)
    }
}

@Suite("Blob cache")
struct BlobCacheTests {
    private let folder = NSTemporaryDirectory() + "blobs-\(SystemRandom().hexadecimal(bytes: 6))"

    private func cache(_ server: BlobServer) -> BlobCache { BlobCache(folder: folder, client: server) }

    @Test("a blob is fetched piece by piece, verified, and never fetched again")
    func fetch() async throws {
        defer { try? DiskFiles().remove(folder) }
        let server = BlobServer("0123456789")
        let digest = ContentDigest.of("0123456789")
        let path = try await cache(server).fetch(digest, size: 10)
        #expect(try DiskFiles().readText(path) == "0123456789")
        #expect(path == "\(folder)/\(digest.text.prefix(2))/\(digest)")
        #expect(server.asked.withLock { $0 } == [0, 4, 8])
        #expect(try await cache(server).fetch(digest, size: 10) == path)
        #expect(server.asked.withLock { $0.count } == 3)
    }

    @Test("a fetch that was cut off goes on where it stopped")
    func resume() async throws {
        defer { try? DiskFiles().remove(folder) }
        let server = BlobServer("0123456789")
        let digest = ContentDigest.of("0123456789")
        server.failing.withLock { $0 = 2 }
        await #expect(throws: ClientError.self) { try await cache(server).fetch(digest, size: 10) }
        let path = try await cache(server).fetch(digest, size: 10)
        #expect(try DiskFiles().readText(path) == "0123456789")
        #expect(server.asked.withLock { $0 } == [0, 4, 4, 8])
    }

    @Test("other content than the digest's is refused after a second try, and nothing of it stays under the name")
    func otherContent() async throws {
        defer { try? DiskFiles().remove(folder) }
        let server = BlobServer("ABCD")
        let digest = ContentDigest.of("abcd")
        let error = await #expect(throws: ClientError.self) { try await cache(server).fetch(digest, size: 4) }
        #expect(error?.code == .badAnswer)
        #expect(server.asked.withLock { $0 } == [0, 0])
        #expect(try DiskFiles().list("\(folder)/\(digest.text.prefix(2))").isEmpty)
    }

    @Test("a blob that ends early is an error, not a shorter file")
    func short() async throws {
        defer { try? DiskFiles().remove(folder) }
        let server = BlobServer("abc")
        let error = await #expect(throws: ClientError.self) {
            try await cache(server).fetch(ContentDigest.of("abcdef"), size: 6)
        }
        #expect(error?.message.contains("ends at 3") == true)
    }
}
