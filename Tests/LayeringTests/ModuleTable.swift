import Testing

/// The module table of docs/explanation/architecture.md as data.
enum ModuleTable {
    struct Module: Sendable, CustomTestStringConvertible {
        let folder: String
        let mayImport: Set<String>
        var testDescription: String { folder }
    }

    /// FoundationNetworking is absent on purpose: HTTP goes through libcurl.
    static let freeForAll: Set<String> = [
        "Swift", "Synchronization", "Glibc", "Foundation", "FoundationEssentials", "Dispatch",
    ]

    private static let sweepLow: Set<String> = ["SweepModel", "RunSpec", "Ports"]
    private static let coreLow: Set<String> = ["CoreNets", "CoreTensor", "RunSpec", "ImageFiles"]
    private static let coreMiddle: Set<String> = coreLow.union(["CoreAdapters", "CoreDiffusion", "CoreData"])

    private static let coordinatorHTTP: Set<String> = sweepLow.union([
        "CoordinatorOperations", "CoordinatorCore", "SweepLedger", "SweepWire", "Hummingbird", "HTTPTypes", "NIOCore",
        "Logging",
    ])

    static let modules: [Module] = [
        Module(folder: "Sources/Ports", mayImport: ["CLibcrypto", "RunSpec"]),
        Module(folder: "Sources/RunSpec", mayImport: []),
        Module(folder: "Sources/ImageFiles", mayImport: ["CImageFiles"]),
        Module(folder: "Sources/CoreTensor", mayImport: ["COpenBLAS", "CKernels"]),
        Module(folder: "Sources/SweepModel", mayImport: ["RunSpec", "Ports"]),
        Module(folder: "Sources/SweepFile", mayImport: sweepLow.union(["CYaml"])),
        Module(folder: "Sources/SweepWire", mayImport: sweepLow),
        Module(folder: "Sources/SweepLedger", mayImport: sweepLow.union(["GRDB", "GRDBSQLite", "CSQLiteExtras"])),
        Module(folder: "Sources/SweepSearch", mayImport: ["SweepModel", "RunSpec"]),
        Module(folder: "Sources/SweepAnalysis", mayImport: ["SweepModel", "RunSpec", "ImageFiles"]),
        Module(folder: "Sources/SweepClient", mayImport: sweepLow.union(["SweepWire", "CCurl"])),
        Module(folder: "coordinator/Core", mayImport: sweepLow.union(["SweepWire", "SweepSearch"])),
        Module(folder: "worker/Core", mayImport: sweepLow.union(["SweepWire"])),
        Module(folder: "Sources/CoreNets", mayImport: ["CoreTensor", "RunSpec"]),
        Module(folder: "Sources/CoreAdapters", mayImport: ["CoreDiffusion", "CoreNets", "CoreTensor", "RunSpec"]),
        Module(folder: "Sources/CoreDiffusion", mayImport: ["CoreNets", "CoreTensor"]),
        Module(folder: "Sources/CoreData", mayImport: coreLow),
        Module(folder: "Sources/CoreTraining", mayImport: coreMiddle),
        Module(folder: "Sources/CoreEvaluation", mayImport: coreMiddle),
        Module(folder: "Sources/CorePretraining", mayImport: coreLow.union(["CoreDiffusion", "CoreData"])),
        Module(folder: "Sources/CoreTools", mayImport: coreMiddle.union(["CoreTraining", "CoreEvaluation"])),
        Module(
            folder: "coordinator/Operations",
            mayImport: sweepLow.union(["CoordinatorCore", "SweepLedger", "SweepFile", "SweepWire", "Logging"])),
        // One module, `Coordinator`.
        Module(folder: "coordinator/HTTP", mayImport: coordinatorHTTP.union(["NIOHTTPTypes"])),
        Module(folder: "coordinator/Dashboard", mayImport: coordinatorHTTP),
        Module(
            folder: "coordinator/Daemon",
            mayImport: coordinatorHTTP.union([
                "HummingbirdTLS", "HummingbirdCore", "NIOSSL", "ServiceLifecycle", "UnixSignals",
            ])),
        // One module, `Worker`.
        Module(folder: "worker/Spool", mayImport: sweepLow.union(["WorkerCore", "SweepWire"])),
        Module(folder: "worker/Process", mayImport: sweepLow.union(["CProcess", "Logging"])),
        Module(
            folder: "worker/Attempt",
            mayImport: sweepLow.union(["WorkerCore", "SweepClient", "SweepWire", "Logging"])),
        Module(
            folder: "worker/Session",
            mayImport: sweepLow.union(["WorkerCore", "SweepClient", "SweepWire", "ServiceLifecycle", "Logging"])),
        Module(folder: "worker/Trainer", mayImport: ["CoreTools", "CoreTraining", "RunSpec", "Ports"]),
        Module(
            folder: "Sources/RadiataCLI",
            mayImport: sweepLow.union([
                "Coordinator", "Worker", "WorkerTrainer", "SweepFile", "SweepLedger", "SweepAnalysis", "SweepClient",
                "SweepWire", "CoreTools", "CorePretraining", "CoreEvaluation", "CoreAdapters", "CoreData", "ImageFiles",
                "CBuildInfo", "Logging",
                "ArgumentParser",
            ])),
        Module(folder: "Sources/radiata", mayImport: ["RadiataCLI"]),
        Module(
            folder: "Sources/ClusterSimulator",
            mayImport: sweepLow.union([
                "CoordinatorOperations", "CoordinatorCore", "Worker", "WorkerCore", "SweepClient", "SweepLedger",
                "SweepWire", "CSimulatedDisk", "CSQLiteExtras", "Logging",
            ])),
        Module(folder: "Sources/radiata-simulate", mayImport: ["ClusterSimulator"]),
    ]
}
