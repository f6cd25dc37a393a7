/**
 * Instructions that objdump knows and this processor has not.
 *
 * CPUID denies these extensions, so that the processor raises #UD where objdump writes one of these
 * names. What is not listed here must be decoded.
 */

const mnemonics: Readonly<Record<string, string>> = {
  MONITOR: 'monitor mwait',
  SSE4A: 'extrq insertq movntss movntsd',
  AES: 'aesimc aesenc aesenclast aesdec aesdeclast aeskeygenassist',
  PCLMULQDQ: 'pclmullqlqdq pclmulhqlqdq pclmullqhqdq pclmulhqhqdq pclmulqdq',
  SHA: 'sha1nexte sha1msg1 sha1msg2 sha1rnds4 sha256rnds2 sha256msg1 sha256msg2',
  GFNI: 'gf2p8affineqb gf2p8affineinvqb gf2p8mulb',
  MOVBE: 'movbe',
  ADX: 'adcx adox',
  'BMI1, BMI2': 'andn bextr blsr blsmsk blsi bzhi pdep pext mulx rorx sarx shlx shrx',
  TBM: 'blcfill blsfill blcs tzmsk blcic blsic t1mskc blcmsk blci',
  LWP: 'llwpcb slwpcb lwpins lwpval',
  'RAO-INT': 'aadd aand aor axor',
  RDRAND: 'rdrand',
  RDSEED: 'rdseed',
  RDPID: 'rdpid',
  RDTSCP: 'rdtscp',
  XSAVE: 'xgetbv xsetbv xsave xsaveopt xsavec xsaves xrstor xrstors',
  FSGSBASE: 'rdfsbase rdgsbase wrfsbase wrgsbase swapgs',
  SYSCALL: 'syscall sysret',
  SMAP: 'clac stac',
  PKU: 'rdpkru wrpkru',
  INVPCID: 'invpcid',
  CET: 'incsspd rstorssp saveprevssp setssbsy clrssbsy wrssd wrussd',
  'TSX, TSXLDTRK': 'xbegin xbeginw xabort xend xtest xsusldtrk xresldtrk',
  CLFLUSHOPT: 'clflushopt',
  CLWB: 'clwb',
  PTWRITE: 'ptwrite',
  WAITPKG: 'umonitor umwait tpause',
  'MOVDIRI, MOVDIR64B': 'movdiri movdir64b',
  ENQCMD: 'enqcmd enqcmds',
  SERIALIZE: 'serialize',
  HRESET: 'hreset',
  WRMSRNS: 'wrmsrns',
  PCONFIG: 'pconfig',
  KeyLocker: `loadiwkey encodekey128 encodekey256 aesenc128kl aesenc256kl aesdec128kl aesdec256kl
    aesencwide128kl aesencwide256kl aesdecwide128kl aesdecwide256kl`,
  VMX: 'invept invvpid',
  SMX: 'getsec',
  SMM: 'rsm',
  SGX: 'encls enclu enclv',
  TDX: 'tdcall',
  SVM: 'clgi stgi skinit invlpga invlpgb tlbsync pvalidate',
  'MONITORX, CLZERO, MCOMMIT, RDPRU': 'monitorx mwaitx clzero mcommit rdpru',
  '3DNow!': `femms pi2fw pi2fd pf2iw pf2id pfnacc pfpnacc pfcmpge pfmin pfrcp pfrsqrt pfsub pfadd
    pfcmpgt pfmax pfrcpit1 pfrsqit1 pfsubr pfacc pfcmpeq pfmul pfrcpit2 pmulhrw pswapd pavgusb`,
  PadLock: `montmul xsha1 xsha256 xstore-rng
    xcrypt-ecb xcrypt-cbc xcrypt-ctr xcrypt-cfb xcrypt-ofb`,
};

/** Extensions whose names have a form of their own. */
const patterns: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['AVX, XOP, VMX, SVM', /^v(?!err$|erw$)/],
  ['AVX-512', /^k(?:add|andn?|mov|not|or|ortest|shift[lr]|test|unpck|xnor|xor)[bwdq]{1,2}$/],
];

const extensions = new Map(
  Object.entries(mnemonics).flatMap(([extension, names]) =>
    names.split(/\s+/).map((mnemonic) => [mnemonic, extension] as const),
  ),
);

/** The extension that has the instruction; `undefined` when this processor has it. */
export function extensionOf(mnemonic: string): string | undefined {
  return extensions.get(mnemonic) ?? patterns.find(([, pattern]) => pattern.test(mnemonic))?.[0];
}
