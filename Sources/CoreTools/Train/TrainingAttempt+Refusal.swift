import CoreAdapters
import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreNets
import CoreTensor
import CoreTraining
import ImageFiles
import RunSpec

extension TrainingAttempt {
    /// Whether the job, its data, its base model or an encoder cannot be used as they are: another try, here
    /// or elsewhere, would end alike. What a disk or a damaged training state may have done is none.
    package static func isRefusal(_ error: any Error) -> Bool {
        // Whoever wrote it, a full disk is the machine's.
        let text = "\(error)".lowercased()
        if text.contains("no space left on device") || text.contains("quota exceeded") { return false }
        switch error {
        case let error as TrainingError: return error.code == .job
        case let error as DataError: return error.code != .unwritable
        case let error as ImageFileError: return error.code != .unwritable
        case let error as EvaluationError: return error.code == .plan || error.code == .model
        case let error as AdapterError: return error.code != .wrongState
        case let error as NetsError: return error.code != .wrongState && error.code != .notFinite
        case let error as TensorError: return error.code != .unwritable
        case let error as SampleError: return error.code == .arguments
        case is DiffusionError, is RunSpecError: return true
        default: return false
        }
    }
}
