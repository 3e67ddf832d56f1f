import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("Finding GPUs")
struct GPUDiscoveryTests {
    private static let big: UInt64 = 25_757_220_864
    private static let small: UInt64 = 12_884_901_888

    /// Two cards, listed by the library against the order of their addresses.
    private static let cards = [
        FakeNVML.GPU("NVIDIA GeForce RTX 4090", uuid: "GPU-bbbbbbbb-1", address: "0:41:0", memory: big, used: 1 << 30),
        FakeNVML.GPU("NVIDIA GeForce RTX 3060", uuid: "GPU-aaaaaaaa-2", address: "0:1:0", memory: small),
    ]

    private func discovery(
        _ folder: TemporaryFolder, _ gpus: [FakeNVML.GPU], more: [String] = [], _ environment: [String: String] = [:]
    ) throws -> GPUDiscovery {
        let library = try FakeNVML(in: folder, gpus, more: more)
        var all = environment
        all[GPUDiscovery.libraryVariable] = library.path
        all[GPUDiscovery.foldersVariable] = environment[GPUDiscovery.foldersVariable] ?? folder.path + "/nothing"
        return GPUDiscovery(environment: all)
    }

    @Test("name, id and memory as the library says; numbers in the order of PCI addresses")
    func library() throws {
        let folder = try TemporaryFolder()
        let found = try discovery(folder, Self.cards).found()
        #expect(
            found == [
                GPUDevice(
                    index: "0", uuid: "GPU-aaaaaaaa-2", name: "NVIDIA GeForce RTX 3060", memory: Self.small),
                GPUDevice(index: "1", uuid: "GPU-bbbbbbbb-1", name: "NVIDIA GeForce RTX 4090", memory: Self.big),
            ])
        #expect(found.text == "1 × NVIDIA GeForce RTX 3060 12.9 GB, 1 × NVIDIA GeForce RTX 4090 25.8 GB")
    }

    @Test("a card that fell off its bus is left out and named; a driver that does not start is said")
    func trouble() throws {
        let folder = try TemporaryFolder()
        var told: [String] = []
        let lost = FakeNVML.GPU("LOST", uuid: "GPU-c", address: "0:2:0", memory: 1)
        let found = try discovery(folder, [Self.cards[0], lost]).found { told.append($0) }
        #expect(found.map(\.uuid) == ["GPU-bbbbbbbb-1"])
        #expect(told.count == 1 && told[0].contains("NVML error 15"))
        let broken = try TemporaryFolder()
        told = []
        #expect(try discovery(broken, [], more: ["FAIL"]).found { told.append($0) }.isEmpty)
        #expect(told.count == 1 && told[0].contains("does not start: Driver Not Loaded"), "\(told)")
    }

    @Test("without the library there is no NVIDIA GPU, and nothing to say about it")
    func absent() throws {
        let folder = try TemporaryFolder()
        let discovery = GPUDiscovery(environment: [
            GPUDiscovery.libraryVariable: folder.path + "/none.so", GPUDiscovery.foldersVariable: folder.path,
        ])
        var told: [String] = []
        #expect(discovery.found { told.append($0) }.isEmpty && told.isEmpty)
    }

    @Test("--gpus: all that the worker may see, none, or those named by number or id")
    func choice() throws {
        let folder = try TemporaryFolder()
        let all = try discovery(folder, Self.cards)
        #expect(try all.devices(.all).map(\.index) == ["0", "1"])
        #expect(try all.devices(.none).isEmpty)
        #expect(try all.devices(.listed(["1"])).map(\.uuid) == ["GPU-bbbbbbbb-1"])
        #expect(try all.devices(.listed(["GPU-aaaaaaaa"])).map(\.index) == ["0"])
        let error = #expect(throws: WorkerError.self) { try all.devices(.listed(["2"])) }
        #expect(error?.message.contains("--gpus 2: there are 0 (NVIDIA GeForce RTX 3060), 1 (") == true)
        let twice = #expect(throws: WorkerError.self) { try all.devices(.listed(["0", "GPU-aaaaaaaa"])) }
        #expect(twice?.message.contains("named twice") == true)

        func seen(_ variable: String) throws -> [String] {
            let folder = try TemporaryFolder()
            return try discovery(folder, Self.cards, ["CUDA_VISIBLE_DEVICES": variable]).devices(.all).map(\.index)
        }
        #expect(try seen("1") == ["1"])
        #expect(try seen("1,0") == ["1", "0"] && seen("1,1") == ["1"])
        #expect(try seen("GPU-bbbbbbbb") == ["1"])
        #expect(try seen("0,-1,1") == ["0"])
        #expect(try seen("-1") == [] && seen("") == [])
        #expect(try seen("MIG-7") == ["MIG-7"])

        #expect(
            GPUChoice("0, 2") == .listed(["0", "2"]) && GPUChoice("all") == .all && GPUChoice("none") == GPUChoice.none)
        for text in ["", "0,", "0,0"] { #expect(GPUChoice(text) == nil, "\(text)") }
    }

    /// A card as Linux shows it: a link to the folder of its PCI address.
    private func card(_ number: Int, at address: String, _ files: [String: String], in folder: TemporaryFolder) throws {
        let device = "\(folder.path)/devices/\(address)"
        let card = "\(folder.path)/class/drm/card\(number)"
        for path in [device, card] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        for (name, text) in files { try folder.write("devices/\(address)/\(name)", text + "\n") }
        try FileManager.default.createSymbolicLink(atPath: card + "/device", withDestinationPath: device)
    }

    @Test("AMD's cards from Linux' folders; what is built into a processor keeps its number and is left out")
    func folders() throws {
        let folder = try TemporaryFolder()
        func amd(_ memory: String, _ more: [String: String] = [:]) -> [String: String] {
            ["vendor": "0x1002", "device": "0x744c", "mem_info_vram_total": memory].merging(more) { $1 }
        }
        try card(0, at: "0000:c1:00.0", amd("536870912"), in: folder)
        try card(1, at: "0000:03:00.0", amd("25753026560", ["unique_id": "1a2b3c"]), in: folder)
        try card(2, at: "0000:e0:00.0", amd("68702699520", ["product_name": "AMD Instinct MI210"]), in: folder)
        try card(3, at: "0000:01:00.0", ["vendor": "0x10de"], in: folder)
        try FileManager.default.createDirectory(
            atPath: folder.path + "/class/drm/card1-DP-1", withIntermediateDirectories: true)
        let discovery = GPUDiscovery(environment: [
            GPUDiscovery.libraryVariable: "/nowhere.so", GPUDiscovery.foldersVariable: folder.path,
        ])
        #expect(
            discovery.found() == [
                GPUDevice(
                    vendor: .amd, index: "0", uuid: "GPU-1a2b3c", name: "AMD GPU 0x744c", memory: 25_753_026_560),
                GPUDevice(
                    vendor: .amd, index: "2", uuid: "0000:e0:00.0", name: "AMD Instinct MI210", memory: 68_702_699_520),
            ])
    }
}

@Suite("GPUs of an attempt")
struct AttemptGPUTests {
    private func plan(_ gpus: [GPUDevice], _ vendors: Set<GPUDevice.Vendor>, own: [String: String] = [:]) throws
        -> AttemptPlan
    {
        let job = JobID(ContentDigest.of("job"))
        let resolved = ResolvedJob(
            id: job, configuration: ConfigurationID(job.digest), sweep: try #require(SweepName("sweep")), group: "g",
            trainer: .command(CommandTrainer(command: ["train", "--on", "{gpus}"])), given: [:], parameters: [:],
            seed: 7)
        let token = AttemptToken(ledger: "l", epoch: 1, job: job, attempt: AttemptNumber(1))
        return try AttemptPlan(
            Grant(token: token, job: resolved, leaseSeconds: 60), place: AttemptPlace(path: "/w/a"),
            AttemptSurroundings(
                threads: 1, gpus: gpus, vendors: vendors, program: "/bin/radiata", environment: own))
    }

    @Test("its programs see its GPUs and no others, numbered by PCI address")
    func environment() throws {
        let two = [GPUDevice(index: "1"), GPUDevice(index: "3")]
        let given = try plan(two, [.nvidia], own: ["CUDA_VISIBLE_DEVICES": "0,1,2,3"]).order
        #expect(given.arguments == ["train", "--on", "1,3"])
        #expect(given.environment["CUDA_VISIBLE_DEVICES"] == "1,3")
        #expect(given.environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID")
        // One without any must not find those of others.
        let none = try plan([], [.nvidia], own: ["CUDA_VISIBLE_DEVICES": "0,1"]).order
        #expect(none.environment["CUDA_VISIBLE_DEVICES"] == "-1")
        let amd = try plan([GPUDevice(vendor: .amd, index: "2")], [.amd]).order.environment
        #expect(amd["HIP_VISIBLE_DEVICES"] == "2" && amd["CUDA_VISIBLE_DEVICES"] == nil)
        let intel = try plan([GPUDevice(vendor: .intel, index: "0")], [.intel]).order.environment
        #expect(intel["ZE_AFFINITY_MASK"] == "0")
        // A worker that knows of none hands on what it was told.
        let told = try plan([], [], own: ["CUDA_VISIBLE_DEVICES": "5"]).order
        #expect(told.arguments == ["train", "--on", "5"] && told.environment["CUDA_VISIBLE_DEVICES"] == "5")
    }
}
