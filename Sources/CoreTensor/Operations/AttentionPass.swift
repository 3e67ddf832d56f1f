import CKernels

/// The sizes of one attention and its passes.
struct AttentionPass {
    let batch, queries, keys, channels, heads: Int
    let causal: Bool
    let precision: Precision

    /// Queries a thread takes at a time; each block packs the keys and values anew.
    private var block: Int { narrowKernel == nil ? 256 : 512 }

    func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, into y: Tensor, _ logSums: Tensor) {
        let pass = arguments(query, key, value, y, logSums)
        let (block, kernel) = (block, narrowKernel)
        let blocks = (queries + block - 1) / block
        OperationTimes.measure(.attention, operations: 4 * batch * queries * keys * channels) {
            withUnsafePointer(to: pass) { pass in
                Compute.parallel(batch * heads * blocks) { part in
                    let (unit, first) = (part / blocks, part % blocks * block)
                    let last = min(first + block, queries)
                    if let kernel {
                        ck_bf16_attention(kernel, pass, unit / heads, unit % heads, first, last)
                    } else {
                        ck_attention(pass, unit / heads, unit % heads, first, last)
                    }
                }
            }
        }
    }

    /// D = rowsum(dO ⊙ O), dS = P ⊙ (dO Vᵀ − D), dQ = dS K / √d, dK = dSᵀ Q / √d, dV = Pᵀ dO.
    func backward(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ y: Tensor, _ logSums: Tensor, _ g: Tensor,
        into gradients: (query: Tensor?, key: Tensor?, value: Tensor?)
    ) {
        var pass = arguments(query, key, value, y, logSums)
        pass.gradient = UnsafePointer(g.pointer)
        pass.dQuery = gradients.query?.pointer
        pass.dKey = gradients.key?.pointer
        pass.dValue = gradients.value?.pointer
        let kernel = narrowKernel
        OperationTimes.measure(.attentionBackward, operations: 8 * batch * queries * keys * channels) {
            withUnsafePointer(to: pass) { pass in
                Compute.parallel(batch * heads) {
                    if let kernel {
                        ck_bf16_attention_backward(kernel, pass, $0 / heads, $0 % heads)
                    } else {
                        ck_attention_backward(pass, $0 / heads, $0 % heads)
                    }
                }
            }
        }
    }

    /// The kernel for rounded operands; nil where f32 is asked for, under a mask, and for narrow heads, which
    /// would leave most of a tile empty: heads of 8 gain nothing, heads of 16 take half the time.
    private var narrowKernel: Int32? {
        precision == .bf16 && !causal && (16...256).contains(channels / heads) ? ck_bf16_kernel() : nil
    }

    private func arguments(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ y: Tensor, _ logSums: Tensor
    ) -> CKAttention {
        let size = channels / heads
        return CKAttention(
            queries: queries, keys: keys, heads: heads, size: size, stride: channels,
            scale: 1 / Float(size).squareRoot(), causal: causal ? 1 : 0, query: query.pointer, key: key.pointer,
            value: value.pointer, out: y.pointer, logSums: logSums.pointer, gradient: nil, dQuery: nil, dKey: nil,
            dValue: nil)
    }
}
