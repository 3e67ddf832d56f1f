// swift-tools-version: 6.2
// The architecture in executable form: every target with the siblings it may import, layer by layer
// (docs/explanation/architecture.md). `make check` compares every import line with it.
import PackageDescription

/// `RADIATA_MUTANTS=1` builds the simulator with bugs made on purpose (`Mutant`); only `.ci/mutants` sets it,
/// in a scratch path of its own.
let hasMutants = Context.environment["RADIATA_MUTANTS"] == "1"

let swift: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ] + (hasMutants ? [.define("MUTANTS")] : [])

/// Kernels are optimised in debug builds too: numeric tests without it take minutes.
let optimisedC: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-ffp-contract=fast"])]

let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"), .product(name: "HummingbirdTLS", package: "hummingbird"),
]

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, exclude: [String] = [],
    sources: [String]? = nil, resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path, exclude: exclude, sources: sources, resources: resources,
        swiftSettings: swift)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], exclude: [String] = [])
    -> Target
{
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swift)
}

let libraries: [Target] = [
    // Layer 0
    .systemLibrary(name: "COpenBLAS"),
    .systemLibrary(name: "CSQLite"),
    .target(name: "CKernels", cSettings: optimisedC),
    .target(
        name: "CImageFiles", exclude: ["Font"], cSettings: optimisedC,
        linkerSettings: ["png", "jpeg", "webp", "webpdemux", "lcms2"].map { .linkedLibrary($0) }),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "CSQLiteExtras", linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(name: "CBuildInfo"),
    .target(name: "CProcess"),
    .target(name: "CNVML", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CSimulatedDisk", linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(name: "CLibcrypto", linkerSettings: [.linkedLibrary("crypto")]),
    // Finds libxgboost when it is first asked for: nothing is linked.
    .target(name: "CXGBoost", linkerSettings: [.linkedLibrary("dl")]),
    module("BoostedTrees", ["CXGBoost"]),
    module("Ports", ["RunSpec", "CLibcrypto"]),
    module("RunSpec"),
    module("ImageFiles", ["CImageFiles"]),
    .target(
        name: "CoreTensor", dependencies: ["COpenBLAS", "CKernels"], swiftSettings: swift,
        linkerSettings: [.linkedLibrary("openblas"), .linkedLibrary("m")]),
    // Layer 1
    module("SweepModel", ["RunSpec", "Ports"]),
    module("CoreNets", ["CoreTensor", "RunSpec"]),
    module("Figures"),
    module("TrainerFiles", ["RunSpec", "Ports", "CSQLite"]),
    module("ConfigText", ["RunSpec", yams]),
    // Layer 2
    module("SweepFile", ["ConfigText", "SweepModel", "RunSpec", "Ports"]),
    module("SweepWire", ["SweepModel", "RunSpec", "Ports"]),
    module("SweepLedger", ["SweepModel", "RunSpec", "Ports", "CSQLiteExtras", grdb]),
    module("SweepAnalysis", ["SweepModel", "RunSpec", "ImageFiles", "Figures", "BoostedTrees"]),
    module("CoreDiffusion", ["CoreNets", "CoreTensor"]),
    module("CoreAdapters", ["CoreDiffusion", "CoreNets", "CoreTensor", "RunSpec"]),
    module("CoreData", ["CoreTensor", "RunSpec", "ImageFiles"]),
    // Layer 3
    module("SweepClient", ["SweepWire", "Ports", "CCurl"]),
    module("CoordinatorCore", ["SweepWire", "SweepModel", "RunSpec", "Ports"], path: "coordinator/Core"),
    module("WorkerCore", ["SweepWire", "SweepModel", "RunSpec", "Ports"], path: "worker/Core"),
    module(
        "CoreTraining", ["CoreAdapters", "CoreDiffusion", "CoreData", "CoreNets", "CoreTensor", "RunSpec"]),
    module(
        "CoreEvaluation", ["CoreAdapters", "CoreDiffusion", "CoreData", "CoreTensor", "RunSpec", "ImageFiles"]),
    module(
        "CorePretraining", ["CoreDiffusion", "CoreData", "CoreNets", "CoreTensor", "RunSpec", "ImageFiles"]),
    // Layer 4
    module(
        "CoreTools",
        [
            "CoreTraining", "CoreEvaluation", "CoreAdapters", "CoreDiffusion", "CoreData", "CoreNets", "CoreTensor",
            "RunSpec",
            "ImageFiles",
        ]),
    module(
        "CoordinatorOperations",
        [
            "CoordinatorCore", "SweepLedger", "SweepFile", "SweepWire", "SweepModel", "RunSpec", "Ports", logging,
        ], path: "coordinator/Operations"),
    // Layer 5
    module(
        "Coordinator",
        [
            "CoordinatorOperations", "CoordinatorCore", "SweepAnalysis", "SweepLedger", "SweepClient", "SweepWire",
            "SweepModel", "RunSpec", "Ports", lifecycle, logging,
        ] + hummingbird, path: "coordinator",
        exclude: ["Core", "Operations", "radiata-coordinator.service"],
        sources: ["Daemon", "Dashboard", "HTTP"], resources: [.embedInCode("Page")]),
    module(
        "Worker",
        [
            "WorkerCore", "SweepClient", "SweepWire", "SweepModel", "TrainerFiles", "ConfigText", "RunSpec", "Ports",
            "CProcess", "CNVML", lifecycle, logging,
        ], path: "worker", exclude: ["Core", "Trainer", "profiles", "radiata-worker.service"],
        sources: ["Attempt", "GPUs", "Process", "Session", "Spool"]),
    module("WorkerTrainer", ["CoreTools", "RunSpec", "Ports"], path: "worker/Trainer"),
    // Layer 6
    module(
        "RadiataCLI",
        [
            "Coordinator", "Worker", "WorkerTrainer", "SweepFile", "SweepLedger", "SweepAnalysis", "SweepClient",
            "SweepWire", "ConfigText",
            "SweepModel", "CoreTools", "CorePretraining", "CoreEvaluation", "CoreAdapters", "CoreData", "RunSpec",
            "Ports", "ImageFiles", "CBuildInfo", logging, argumentParser,
        ]),
    // A query of a user runs in this small C program, which links SQLite and nothing else
    // (docs/decisions/0002). What depends on it only has it built beside itself.
    .executableTarget(
        name: "radiata-query",
        linkerSettings: [
            .linkedLibrary("sqlite3"),
            // SwiftPM links every program as a Swift one: without Swift's start files nothing of its runtime
            // stays.
            .unsafeFlags(["-static-stdlib", "-nostartfiles"]),
        ]),
    .executableTarget(name: "radiata", dependencies: ["RadiataCLI", "radiata-query"], swiftSettings: swift),
    // Beside the program, never in it: a whole cluster in one thread.
    module(
        "ClusterSimulator",
        [
            "CoordinatorOperations", "CoordinatorCore", "Worker", "WorkerCore", "SweepClient", "SweepLedger",
            "SweepWire",
            "SweepModel", "RunSpec", "Ports", "CSimulatedDisk", logging,
        ]),
    .executableTarget(name: "radiata-simulate", dependencies: ["ClusterSimulator"], swiftSettings: swift),
]

let testTargets: [Target] = [
    module("TestSupport", path: "Tests/TestSupport", exclude: ["fake_nvml.c"]),
    tests("ImageFilesTests", ["ImageFiles"], exclude: ["Fixtures"]),
    tests(
        "CoreDataTests", ["CoreData", "CoreDiffusion", "CoreTensor", "ImageFiles", "RunSpec", "Ports"],
        exclude: ["Fixtures"]),
    tests(
        "CoreAdaptersTests",
        ["TestSupport", "CoreAdapters", "CoreTools", "CoreDiffusion", "CoreNets", "CoreTensor", "RunSpec"],
        exclude: ["Fixtures"]),
    tests("CoreNetsTests", ["CoreNets", "CoreTensor", "RunSpec", "TestSupport"], exclude: ["Fixtures"]),
    tests("CoreDiffusionTests", ["CoreDiffusion", "CoreNets", "CoreTensor"], exclude: ["Fixtures"]),
    tests("CorePretrainingTests", ["CorePretraining", "CoreDiffusion", "CoreTensor"]),
    tests(
        "CoreToolsTests",
        [
            "TestSupport", "CoreTools", "CoreAdapters", "CoreData", "CoreDiffusion", "CoreTensor", "ImageFiles",
            "RunSpec",
        ],
        exclude: ["Fixtures"]),
    tests("CoreTensorTests", ["CoreTensor", "CKernels"], exclude: ["Fixtures"]),
    tests(
        "CoreTrainingTests",
        [
            "CoreTools", "CoreTraining", "CoreEvaluation", "CoreAdapters", "CoreDiffusion", "CoreNets", "CoreTensor",
            "RunSpec", "ImageFiles",
        ]),
    tests(
        "CoreEvaluationTests", ["CoreEvaluation", "CoreData", "CoreTensor", "RunSpec", "ImageFiles"],
        exclude: ["Fixtures"]),
    tests("ClusterSimulatorTests", ["radiata-simulate"]),
    tests(
        "EndToEndTests", ["TestSupport", "radiata", "SweepLedger", "SweepModel", "RunSpec", "Ports"],
        exclude: ["judge_service.py"]),
    tests("PortsTests", ["TestSupport", "Ports", "RunSpec"]),
    tests("RadiataCLITests", ["RadiataCLI", "CoreTools", "SweepWire", "SweepModel", "RunSpec", "Ports"]),
    tests("WorkerCoreTests", ["WorkerCore", "SweepWire", "SweepModel", "RunSpec", "Ports"]),
    tests(
        "WorkerTests",
        [
            "TestSupport", "Worker", "WorkerCore", "Coordinator", "SweepClient", "SweepFile", "SweepWire", "SweepModel",
            "RunSpec",
            "Ports", lifecycle, logging,
        ]),
    tests("TrainerFilesTests", ["TestSupport", "TrainerFiles", "Ports", "CSQLite"], exclude: ["Fixtures"]),
    tests("SweepClientTests", ["SweepClient", "SweepWire", "SweepModel", "Ports"]),
    tests("RunSpecTests", ["RunSpec"]),
    tests("BoostedTreesTests", ["BoostedTrees"], exclude: ["Fixtures"]),
    tests("ConfigTextTests", ["ConfigText", "RunSpec"], exclude: ["Fixtures"]),
    tests("FiguresTests", ["Figures"], exclude: ["Fixtures"]),
    tests(
        "SweepAnalysisTests", ["SweepAnalysis", "SweepModel", "RunSpec", "ImageFiles", "BoostedTrees"],
        exclude: ["Fixtures"]),
    tests("SweepFileTests", ["SweepFile", "ConfigText", "SweepModel", "RunSpec", "Ports"], exclude: ["Fixtures"]),
    tests("SweepWireTests", ["SweepWire", "SweepModel", "RunSpec", "Ports"]),
    tests(
        "SweepLedgerTests", ["TestSupport", "SweepAnalysis", "SweepLedger", "SweepModel", "RunSpec", "Ports", grdb],
        exclude: ["Fixtures"]),
    tests("CoordinatorCoreTests", ["CoordinatorCore", "SweepWire", "SweepModel", "RunSpec", "Ports"]),
    tests(
        "CoordinatorTests",
        [
            "Coordinator", "SweepLedger", "SweepClient", "SweepWire", "SweepModel", "RunSpec", "Ports", lifecycle,
            logging,
        ]),
    tests(
        "DecoderTests",
        [
            "SweepFile", "SweepWire", "SweepLedger", "SweepModel", "Worker", "TrainerFiles", "ImageFiles", "CoreTensor",
            "CoreDiffusion",
            "CoreData", "RunSpec", "Ports",
        ],
        exclude: ["Corpus", "make_corpus.py"]),
    tests("SweepModelTests", ["SweepModel", "RunSpec", "Ports"], exclude: ["Fixtures"]),
]

let package = Package(
    name: "radiata",
    products: [
        .executable(name: "radiata", targets: ["radiata"]),
        .executable(name: "radiata-query", targets: ["radiata-query"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without swift-configuration, which only its own configuration files need.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: libraries + testTargets,
    cLanguageStandard: .gnu17
)
