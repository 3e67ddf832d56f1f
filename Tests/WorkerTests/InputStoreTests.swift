import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import TestSupport
import Testing
import Worker

/// A coordinator that knows one input.
private final class InputServer: CoordinatorCalls {
    let address = "http://inputs"
    let time: any TimeSource = SystemTime()
    let random: any RandomSource = SystemRandom()
    let list: InputList
    private let blobs: [String: [UInt8]]
    let calls = Mutex<[String]>([])

    init(_ list: InputList, _ blobs: [String: [UInt8]]) {
        self.list = list
        self.blobs = blobs
    }

    func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response {
        calls.withLock { $0.append(endpoint.name) }
        if let range = request as? BlobRange {
            guard let bytes = blobs[range.sha256] else {
                throw ClientError(.refused(.notFound), "gone", answer: WireError(.notFound, "gone"))
            }
            return try #require(RawBytes(Data(bytes.dropFirst(range.offset).prefix(range.count))) as? Response)
        }
        return try #require(list as? Response)
    }
}

@Suite("Inputs of jobs")
struct InputStoreTests {
    private let folder: TemporaryFolder
    private let list: InputList
    private let blobs: [String: [UInt8]]

    init() throws {
        folder = try TemporaryFolder()
        let source = folder.path + "/source/cats"
        try DiskFiles().makeFolder(source + "/2_cat")
        _ = try folder.write("source/cats/2_cat/a.txt", "a cat")
        _ = try folder.write("source/cats/2_cat/b.txt", "another")
        let tree = try TreeDigest.compute(source)
        list = InputList(name: "cats", tree: tree)
        blobs = [
            ContentDigest.of("a cat").text: Array("a cat".utf8),
            ContentDigest.of("another").text: Array("another".utf8),
        ]
    }

    private func store(_ server: InputServer, places: [String] = [], work: String = "work") throws -> InputStore {
        let work = try WorkFolder.open(folder.path + "/" + work, random: SystemRandom())
        let files = DiskFiles()
        return InputStore(
            folder: work, client: server, places: places,
            blobs: BlobCache(folder: folder.path + "/blobs", client: server), files: files)
    }

    private func input(_ path: String) -> ResolvedInput { ResolvedInput(path: path, digest: list.tree.digest) }

    @Test("it is used where the launching machine had it, if its content is the same")
    func ownPath() async throws {
        let server = InputServer(list, blobs)
        let path = folder.path + "/source/cats"
        #expect(try await store(server).locate(input(path)) == path)
        #expect(server.calls.withLock { $0.isEmpty })
    }

    @Test("folders that the user named are searched, by the ends of the input's path")
    func places() async throws {
        let server = InputServer(list, blobs)
        let found = try await store(server, places: [folder.path + "/source"]).locate(input("/elsewhere/data/cats"))
        #expect(found == folder.path + "/source/cats")
        #expect(server.calls.withLock { $0.isEmpty })
    }

    @Test("another content of that name is passed over; the coordinator's is fetched once and verified")
    func fetched() async throws {
        let server = InputServer(list, blobs)
        _ = try folder.write("source/cats/2_cat/b.txt", "changed")
        let store = try store(server)
        let found = try await store.locate(input(folder.path + "/source/cats"))
        #expect(found != folder.path + "/source/cats")
        #expect(try TreeDigest.compute(found).digest == list.tree.digest)
        let calls = server.calls.withLock { $0.count }
        #expect(try await store.locate(input("/nowhere")) == found)
        #expect(server.calls.withLock { $0.count } == calls)
    }

    @Test("what is nowhere is told with what to do")
    func nowhere() async throws {
        let server = InputServer(list, [:])
        let error = await #expect(throws: WorkerError.self) { try await store(server).locate(input("/nowhere")) }
        #expect(error?.code == .badInput)
        #expect(error?.message.contains("--no-upload") == true)
    }

    @Test("a list of files that is not the digest's is refused, and so is a path that leads out")
    func lies() async throws {
        let other = TreeDigest(folder: [TreeFile(path: "x", size: 1, sha256: ContentDigest.of("x"))])
        let error = await #expect(throws: WorkerError.self) {
            try await store(InputServer(InputList(name: "cats", tree: other), blobs)).locate(input("/nowhere"))
        }
        #expect(error?.code == .badInput)
        let outside = TreeDigest(folder: [TreeFile(path: "../x", size: 1, sha256: ContentDigest.of("x"))])
        let server = InputServer(InputList(name: "cats", tree: outside), [ContentDigest.of("x").text: [120]])
        let second = await #expect(throws: WorkerError.self) {
            try await store(server, work: "other").locate(
                ResolvedInput(path: "/nowhere", digest: outside.digest))
        }
        #expect(second?.message.contains("../x") == true)
    }
}
